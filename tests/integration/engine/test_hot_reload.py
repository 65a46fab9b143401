from __future__ import annotations

import shutil
import textwrap

from flowtui.model.states import Command, LoopState

ENDLESS = """
nodes:
  start: {{type: count, config: {{every: 0.002}}}}
  note: {{type: note, needs: start, config: {{file: {file}}}}}
"""


def test_a_saved_file_swaps_its_loop_and_leaves_the_others_alone(write, start) -> None:
    write("a.yaml", ENDLESS.format(file="a1.txt"))
    write("b.yaml", ENDLESS.format(file="b.txt"))
    app = start(watch=True)
    app.until(lambda: app.done("a1.txt") and app.done("b.txt"))
    write("a.yaml", ENDLESS.format(file="a2.txt"))
    app.until(lambda: app.done("a2.txt"))
    assert (app.loop("a.start").revision, app.loop("b.start").revision) == (2, 1)
    b = app.done("b.txt")
    assert b == list(range(len(b)))
    app.until(lambda: app.snapshot().last_reload == "a r2: 1 loop kept, 1 swapped, 0 lost")


def test_a_comment_or_new_layout_is_no_change(write, start) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    app = start(watch=True)
    app.until(lambda: app.done("a.txt"))
    write("a.yaml", "# a comment\n" + ENDLESS.format(file='"a.txt"'))
    app.until(lambda: app.snapshot().last_reload == "files saved, nothing changed in meaning")
    a = app.done("a.txt")
    assert a == list(range(len(a)))


def test_a_new_file_appears_and_a_deleted_one_goes(write, start, folder) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    app = start(watch=True)
    path = write("b.yaml", ENDLESS.format(file="b.txt"))
    app.until(lambda: app.done("b.txt"))
    path.unlink()
    app.until(lambda: [loop.id for loop in app.snapshot().loops] == ["a.start"])
    app.until(lambda: "b removed" in app.snapshot().last_reload, "for the reload to be told")
    settled = app.done("b.txt")
    before = len(app.done("a.txt"))
    app.until(lambda: len(app.done("a.txt")) > before + 10)
    assert app.done("b.txt") == settled


def test_a_broken_file_keeps_the_old_revision_running_and_shows_its_line(write, start) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    app = start(watch=True)
    app.until(lambda: app.done("a.txt"))
    write("a.yaml", "nodes:\n  start: {type: count}\n  note: {type: nota, needs: start}\n")
    app.until(lambda: app.snapshot().problems)
    (problem,) = app.snapshot().problems
    assert (problem.path.name, problem.line, problem.code) == ("a.yaml", 3, "unknown-node")
    before = len(app.done("a.txt"))
    app.until(lambda: len(app.done("a.txt")) > before + 10)
    write("a.yaml", ENDLESS.format(file="mended.txt"))
    app.until(lambda: app.done("mended.txt"))
    assert app.snapshot().problems == ()
    first = app.done("a.txt")
    assert first == list(range(len(first)))


def test_a_file_that_is_broken_from_the_start_runs_as_soon_as_it_is_mended(write, start) -> None:
    write("a.yaml", "nodes: [")
    write("b.yaml", ENDLESS.format(file="b.txt"))
    app = start(watch=True)
    app.until(lambda: app.done("b.txt"))
    assert app.snapshot().problems
    write("a.yaml", ENDLESS.format(file="a.txt"))
    app.until(lambda: app.done("a.txt"))


def test_saved_node_code_swaps_the_loops_that_use_it(write, start, folder) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    write("b.yaml", "nodes:\n  start: {type: interval, config: {every: 5ms}}\n  own: {type: own, needs: start}\n")
    module = folder / "nodes" / "own.py"
    code = (
        "from flowtui import BlockingNode\n"
        "class Own(BlockingNode):\n"
        "    async def execute(self, data):\n"
        "        print('{}')\n"
    )
    module.write_text(code.format("old code"))
    app = start(watch=True)
    app.until(lambda: "old code" in app.messages())
    module.write_text(code.format("new code"))
    app.until(lambda: "new code" in app.messages())
    assert (app.loop("a.start").revision, app.loop("b.start").revision) == (1, 2)


def test_node_code_that_raises_on_import_keeps_its_loops_on_the_old_code(write, start, folder) -> None:
    write("b.yaml", "nodes:\n  start: {type: interval, config: {every: 5ms}}\n  own: {type: own, needs: start}\n")
    module = folder / "nodes" / "own.py"
    module.write_text(
        "from flowtui import BlockingNode\nclass Own(BlockingNode):\n    async def execute(self, data): pass\n"
    )
    app = start(watch=True)
    app.until(lambda: app.node("b.start", "own").runs)
    module.write_text("import nothing_of_this_name\n")
    app.until(lambda: any(p.code == "node-import" for p in app.snapshot().problems))
    (problem,) = (p for p in app.snapshot().problems if p.code == "node-import")
    assert (problem.path.name, problem.line) == ("own.py", 1)
    runs = app.node("b.start", "own").runs
    app.until(lambda: app.node("b.start", "own").runs > runs + 5)


def test_a_new_revision_that_cannot_start_hands_back_to_the_old_one(write, start, folder) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    (folder / "nodes" / "doomed.py").write_text(
        "from flowtui import BlockingNode\n"
        "class Doomed(BlockingNode):\n"
        "    def setup(self): raise OSError('port taken')\n"
        "    async def execute(self, data): pass\n"
    )
    app = start(watch=True)
    app.until(lambda: app.done("a.txt"))
    write("a.yaml", "nodes:\n  start: {type: count, config: {every: 0.002}}\n  doomed: {type: doomed, needs: start}\n")
    app.until(lambda: any(p.code == "not-started" for p in app.snapshot().problems))
    (problem,) = app.snapshot().problems
    assert "OSError: port taken (doomed.py:3 in setup); the old one runs again" in problem.message
    before = len(app.done("a.txt"))
    app.until(lambda: len(app.done("a.txt")) > before + 5)
    write("a.yaml", ENDLESS.format(file="mended.txt"))
    app.until(lambda: app.done("mended.txt"))
    assert app.snapshot().problems == ()


def test_the_problem_of_a_revision_that_did_not_start_goes_when_the_old_one_is_saved(write, start, folder) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    (folder / "nodes" / "doomed.py").write_text(
        "from flowtui import BlockingNode\n"
        "class Doomed(BlockingNode):\n"
        "    def setup(self): raise OSError('port taken')\n"
        "    async def execute(self, data): pass\n"
    )
    app = start(watch=True)
    write("a.yaml", "nodes:\n  start: {type: count, config: {every: 0.002}}\n  doomed: {type: doomed, needs: start}\n")
    app.until(lambda: any(p.code == "not-started" for p in app.snapshot().problems))
    write("a.yaml", ENDLESS.format(file="a.txt"))
    app.until(lambda: not app.snapshot().problems)


def test_a_reload_respects_what_a_person_stopped_or_paused(write, start) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    write("b.yaml", ENDLESS.format(file="b.txt"))
    app = start(watch=True)
    app.until(lambda: app.done("a.txt") and app.done("b.txt"))
    app.tell(Command.STOP, "a.start")
    app.tell(Command.PAUSE, "b.start")
    app.until_state("a.start", LoopState.STOPPED)
    app.until_state("b.start", LoopState.PAUSED)
    write("a.yaml", ENDLESS.format(file="a2.txt"))
    write("b.yaml", ENDLESS.format(file="b2.txt"))
    app.until(lambda: app.loop("a.start").revision == 2 and app.loop("b.start").revision == 2)
    app.until_state("b.start", LoopState.PAUSED)
    assert app.loop("a.start").state is LoopState.STOPPED
    assert (app.done("a2.txt"), app.done("b2.txt")) == ([], [])
    app.tell(Command.RESUME, "b.start")
    app.tell(Command.START, "a.start")
    app.until(lambda: app.done("a2.txt") and app.done("b2.txt"))


def test_a_reload_of_a_loop_that_is_being_restarted_starts_it(write, start, folder) -> None:
    (folder / "gate").touch()
    held = "nodes:\n  start: {type: count, config: {every: 0.005}}\n  wait: {type: wait, needs: start}\n"
    write("a.yaml", held)
    app = start(watch=True)
    app.until(lambda: app.node("a.start", "wait").running)
    app.tell(Command.RESTART, "a.start")
    write("a.yaml", held + "  note: {type: note, needs: wait}\n")
    loop = app.engine._deployment.loops["a.start"]
    app.until(lambda: not loop.is_restarting, "for the reload to take over")
    (folder / "gate").unlink()
    app.until(app.done)
    assert app.loop("a.start").state is LoopState.RUNNING


def test_a_reload_of_a_reader_that_drains_leaves_it_stopped_and_its_items_in_the_queue(write, start, folder) -> None:
    (folder / "gate").touch()
    text = """
    nodes:
      start: {type: count, config: {count: 40}}
      put: {type: queue-writer, needs: start, config: {queue: q}}
      read: {type: queue-reader, config: {queue: q}}
      wait: {type: wait, needs: read}
    """
    text = textwrap.dedent(text)
    write("a.yaml", text)
    app = start(watch=True)
    app.until_state("a.start", LoopState.COMPLETED)
    app.tell(Command.DRAIN, "a.read")
    write("a.yaml", text + "  note: {type: note, needs: wait}\n")
    app.until(lambda: app.loop("a.read").reason == "changed on disk")
    (folder / "gate").unlink()
    app.until(lambda: app.loop("a.read").revision == 2)
    assert app.loop("a.read").state is LoopState.STOPPED
    app.tell(Command.START, "a.read")
    app.until(lambda: app.loop("a.read").iterations == 40)


def test_swapping_a_reader_loses_and_doubles_nothing(write, start) -> None:
    text = """
    nodes:
      start: {{type: count, config: {{count: 400, every: 0.001}}}}
      out: {{type: queue-writer, needs: start, config: {{queue: q}}}}
      in: {{type: queue-reader, config: {{queue: q}}}}
      step: {{type: {step}, needs: in}}
      note: {{type: note, needs: step}}
    """
    write("a.yaml", text.format(step="wait"))
    app = start("local", watch=True)
    for number in range(4):
        before = len(app.done())
        app.until(lambda before=before: len(app.done()) > before + 20)
        write("a.yaml", text.format(step="background-wait" if number % 2 == 0 else "wait"))
        app.until(lambda number=number: app.loop("a.in").revision == number + 2)
    app.until_idle()
    assert sorted(app.done()) == list(range(400))
    assert app.loop("a.start").revision == 1


def test_a_folder_that_vanishes_and_comes_back_stops_nothing(write, start, folder, tmp_path) -> None:
    # Its node writes into the folder: without it every item fails, which would trip the breaker.
    write("a.yaml", ENDLESS.format(file="a.txt").replace("0.002}}", "0.002}, loop: {breaker: 0}}"))
    app = start(watch=True)
    app.until(lambda: app.done("a.txt"))
    moved = folder.rename(tmp_path / "moved")
    app.until(lambda: any(p.code == "no-folder" for p in app.snapshot().problems))
    assert app.loop("a.start").state is LoopState.RUNNING
    moved.rename(folder)
    app.until(lambda: app.snapshot().problems == ())
    before = len(app.done("a.txt"))
    app.until(lambda: len(app.done("a.txt")) > before)
    assert app.loop("a.start").revision == 1


def test_an_emptied_folder_stops_its_loops_and_says_so(write, start, folder) -> None:
    write("a.yaml", ENDLESS.format(file="a.txt"))
    app = start(watch=True)
    app.until(lambda: app.done("a.txt"))
    (folder / "a.yaml").unlink()
    shutil.rmtree(folder / "nodes")
    app.until(lambda: app.snapshot().loops == ())
    assert [p.code for p in app.snapshot().problems] == ["empty-folder"]


def test_items_that_are_kept_for_a_reader_that_is_gone_are_shown(write, start) -> None:
    flow = """
        nodes:
          start: {type: count, config: {count: 5}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}}
          note: {type: note, needs: in}
        """
    write("w.yaml", flow)
    app = start(watch=True)
    app.until(lambda: len(app.done()) == 5)
    app.until(lambda: app.queue("w.q").orphans == ())
    write("w.yaml", flow.replace("in:", "heir:").replace("needs: in", "needs: heir").replace("count: 5", "count: 7"))
    app.until(lambda: app.queue("w.q").orphans == (("w.in", 7),), "for the orphan")
    assert app.queue("w.q").unaccounted == 0
