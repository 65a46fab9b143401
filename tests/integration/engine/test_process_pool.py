"""What is special about loops in child processes; what holds in every pool is tested with the other pools."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from flowtui.engine import child_track
from flowtui.model.states import Command, LoopState
from processes import children_with, is_gone

LOCAL = "local"

#: Nodes that do what only a child process survives.
ROUGH = '''
import ctypes
import json
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from flowtui import BlockingNode, Pool, ProducerNode


class Look(BlockingNode):
    """Tells about its process."""
    pool = Pool.PROCESS
    async def execute(self, data):
        about = {"pid": os.getpid(), "parent": os.getppid(), "cwd": os.getcwd(), "path": sys.path,
                 "modules": sorted(sys.modules), "env": dict(os.environ)}
        (self.folder / "about.json").write_text(json.dumps(about))
        return data


class Die(BlockingNode):
    """Ends its process at item `n`, as long as a file `deadly` is there."""
    class Config(BlockingNode.Config):
        n: int = 0
        how: str = "os._exit(3)"
    async def execute(self, data):
        if data["n"] == self.config.n and (self.folder / "deadly").exists():
            self.log.info("my last words")
            exec(self.config.how)
        return data


class Chatty(BlockingNode):
    """Writes in all the ways there are."""
    async def execute(self, data):
        os.write(1, b"straight to one\\n")
        os.write(2, b"straight to two\\n")
        subprocess.run(["sh", "-c", "echo from a grandchild; echo in vain >/dev/tty"], stderr=subprocess.DEVNULL)
        logging.getLogger("library").warning("from a library")
        thread = threading.Thread(target=print, args=("from a bare thread",))
        thread.start()
        thread.join()
        print("half", end="")
        sys.stdout.flush()
        return data


class Flood(BlockingNode):
    async def execute(self, data):
        for n in range(20_000):
            self.log.info("flood %d", n)
        return data


class Block(BlockingNode):
    """Holds its event loop until the file `gate` is gone."""
    async def execute(self, data):
        while (self.folder / "gate").exists():
            time.sleep(0.01)
        return data


class Forks(BlockingNode):
    """Leaves a process behind that has inherited everything, and says which."""
    async def execute(self, data):
        pid = os.fork()
        if not pid:
            self.log.warning("from what was forked")
            time.sleep(600)
            os._exit(0)
        (self.folder / "forked").write_text(str(pid))
        while True:
            time.sleep(0.01)
'''


@pytest.fixture(autouse=True)
def usual_children() -> None:
    """Every child is a new Python here, but where its end is all that matters."""


@pytest.fixture(autouse=True)
def rough_nodes(folder: Path) -> None:
    (folder / "nodes" / "rough.py").write_text(ROUGH)


def loop(*nodes: str, count: int = 10, every: float = 0.0, options: str = "") -> str:
    lines = ["nodes:"]
    lines += [f"  start: {{type: count, config: {{count: {count}, every: {every}}}, loop: {{pool: process{options}}}}}"]
    before = "start"
    for number, node in enumerate(nodes):
        lines.append(f"  n{number}: {{needs: {before}, {node}}}")
        before = f"n{number}"
    return "\n".join(lines)


def children() -> list[psutil.Process]:
    """Child processes with a track in them, that have not ended."""
    return children_with("flowtui.engine.child")


def lines_with(app, text: str):
    return [line for line in app.engine.logs(0, 100_000).lines if text in line.message]


def test_a_node_that_asks_for_a_process_sees_what_the_engine_sees_but_no_screen(write, start, folder) -> None:
    write("w.yaml", "nodes:\n  start: {type: count, config: {count: 1}}\n  look: {type: look, needs: start}\n")
    app = start(LOCAL)
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.loop("w.start").pool == "process"
    about = json.loads((folder / "about.json").read_text())
    assert about["pid"] != about["parent"] == os.getpid()
    assert (about["cwd"], about["path"]) == (os.getcwd(), sys.path)
    assert about["env"] == dict(os.environ)
    top = {name.partition(".")[0] for name in about["modules"]}
    assert {"flowtui", "redis"} <= top
    assert not {"textual", "rich", "watchfiles", "click", "fakeredis", "pytest"} & top


def test_children_share_the_memory_of_their_parent_and_one_that_dies_loses_nothing_of_it(write, start, folder) -> None:
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 200, every: 0.001}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}, loop: {pool: process}}
          on: {type: queue-writer, needs: in, config: {queue: then}}
          last: {type: queue-reader, config: {queue: then}}
          note: {type: note, needs: last}
        """,
    )
    app = start("memory")
    app.until(lambda: len(app.done()) > 20, "for items behind the child")
    for child in children():
        child.kill()
    app.until(lambda: len(app.done()) >= 200, "for all items")
    app.until_idle()
    assert sorted(app.done()) == list(range(200))
    assert app.snapshot().store.durable is False


def test_a_setup_that_raises_in_a_child_fails_the_loop_and_is_not_tried_again(write, start, folder) -> None:
    (folder / "nodes" / "broken_setup.py").write_text(
        "from flowtui import BlockingNode\n"
        "class BrokenSetup(BlockingNode):\n"
        "    def setup(self):\n"
        "        raise RuntimeError('no such device')\n"
        "    async def execute(self, data):\n"
        "        return data\n"
    )
    write("w.yaml", loop("type: broken-setup"))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.FAILED)
    assert app.loop("w.start").reason == "RuntimeError: no such device (broken_setup.py:4 in setup)"
    assert lines_with(app, "broken_setup.py"), "the traceback of the author's code is in the log"
    assert not children()


def test_a_module_that_cannot_be_imported_in_a_child_fails_its_loop_with_the_error(write, start, folder) -> None:
    (folder / "nodes" / "here_only.py").write_text(
        "import os\n"
        "from flowtui import BlockingNode\n"
        f"assert os.getpid() == {os.getpid()}, 'only at home'\n"
        "class HereOnly(BlockingNode):\n"
        "    async def execute(self, data):\n"
        "        return data\n"
    )
    write("w.yaml", loop("type: here-only"))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.FAILED)
    reason = app.loop("w.start").reason
    assert reason == "node type 'here-only' cannot be loaded in a child process: AssertionError: only at home"


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("#!/bin/sh\necho this Python is broken >&2\nexit 1\n", "its process could not start: this Python is broken"),
        ("", "its process could not be started: [Errno 8] Exec format error"),
    ],
)
def test_a_child_that_cannot_start_at_all_fails_its_loop_with_its_last_words(
    write, start, tmp_path, monkeypatch, script, reason
) -> None:
    python = tmp_path / "python"
    python.write_text(script)
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    write("w.yaml", loop("type: note"))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.FAILED)
    assert app.loop("w.start").reason.startswith(reason)


def test_a_child_runs_the_code_that_was_loaded_not_what_the_disk_holds_by_now(write, start, folder) -> None:
    path = folder / "nodes" / "versions.py"
    path.write_text(
        "from flowtui import BlockingNode\n"
        "from .wording import WORD\n"
        "class Version(BlockingNode):\n"
        "    async def execute(self, data):\n"
        "        print(WORD)\n"
        "        return data\n"
    )
    (folder / "nodes" / "wording.py").write_text("WORD = 'the first'\n")
    write("w.yaml", loop("type: version", count=1).replace("{pool: process}", "{pool: process, autostart: false}"))
    app = start(LOCAL)
    path.write_text("this is no Python\n")
    (folder / "nodes" / "wording.py").unlink()
    app.tell(Command.START, "w.start")
    app.until_state("w.start", LoopState.COMPLETED)
    assert [line.node for line in lines_with(app, "the first")] == ["n0"]


def test_node_types_of_installed_packages_run_in_a_child_too(write, start, tmp_path, monkeypatch) -> None:
    site = tmp_path / "site"
    (site / "greetings-1.dist-info").mkdir(parents=True)
    (site / "greetings-1.dist-info" / "METADATA").write_text("Name: greetings\nVersion: 1\n")
    (site / "greetings-1.dist-info" / "entry_points.txt").write_text("[flowtui.nodes]\nall = greetings\n")
    (site / "greetings.py").write_text(
        "from flowtui import BlockingNode\n"
        "class Greet(BlockingNode):\n"
        "    async def execute(self, data):\n"
        "        print('greetings')\n"
        "        return data\n"
    )
    monkeypatch.syspath_prepend(str(site))
    write("w.yaml", loop("type: greet", count=1))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.COMPLETED)
    assert lines_with(app, "greetings")
    (site / "greetings.py").write_text("# another version\n" + (site / "greetings.py").read_text())
    app.tell(Command.START, "w.start")
    app.until_state("w.start", LoopState.FAILED)
    assert "'greet' (greetings) has changed since flowtui was started" in app.loop("w.start").reason


def test_whatever_a_child_writes_arrives_in_the_log_at_once_and_nowhere_else(write, start, folder, capfd) -> None:
    (folder / "gate").touch()
    write("w.yaml", loop("type: chatty", "type: wait", count=1))
    app = start(LOCAL)
    began = time.time()
    for text, level, node in (
        ("straight to one", logging.WARNING, ""),
        ("straight to two", logging.WARNING, ""),
        ("from a grandchild", logging.WARNING, ""),
        ("from a bare thread", logging.WARNING, ""),
        ("from a library", logging.WARNING, "n0"),
        ("half", logging.INFO, "n0"),
    ):
        app.until(lambda text=text: lines_with(app, text), f"for {text!r}")
        (line,) = lines_with(app, text)
        assert (line.level, line.loop, line.node) == (level, "w.start", node), text
        assert began - 60 < line.time < time.time()
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == ("", "")


@pytest.mark.usefixtures("warm_children")
def test_a_child_that_logs_faster_than_can_be_sent_says_how_much_is_missing(write, start) -> None:
    write("w.yaml", loop("type: flood", count=1))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.COMPLETED)
    missing = [int(line.message.split()[1]) for line in lines_with(app, "more lines were logged than can be sent")]
    assert len(lines_with(app, "flood ")) + sum(missing) == 20_000
    assert lines_with(app, "flood 19999"), "the newest are kept"


@pytest.mark.usefixtures("warm_children")
@pytest.mark.parametrize(
    ("how", "what"),
    [
        ("os._exit(3)", "ended with exit code 3"),
        ("os.kill(os.getpid(), 9)", "was killed by SIGKILL"),
        ("ctypes.string_at(0)", "was killed by SIGSEGV"),
    ],
)
def test_a_child_that_dies_is_started_again_and_says_why_and_the_others_go_on(write, start, folder, how, what) -> None:
    (folder / "deadly").touch()
    write("w.yaml", loop(f"type: die, config: {{n: 3, how: '{how}'}}", "type: note"))
    write("other.yaml", "nodes:\n  start: {type: count, config: {every: 0.002}}\n")
    app = start(LOCAL)
    app.until(lambda: "starts again in 0.5 s (1 of 5)" in app.loop("w.start").reason)
    assert app.loop("w.start").state is LoopState.STARTING
    assert f" {what}; starts again" in app.loop("w.start").reason
    (folder / "deadly").unlink()
    before = app.loop("other.start").iterations
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.loop("other.start").iterations > before
    assert app.loop("other.start").state is LoopState.RUNNING
    assert [line.node for line in lines_with(app, "my last words")] == ["n0"]
    if "SEGV" in what:
        assert lines_with(app, "Fatal Python error: Segmentation fault"), "and where it was"


def test_after_as_many_crashes_in_a_row_as_it_may_restart_the_loop_fails(write, start, folder, warm_children) -> None:
    (folder / "deadly").touch()
    write("w.yaml", loop("type: die", options=", restarts: 1"))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.FAILED)
    assert app.loop("w.start").reason.endswith("ended with exit code 3, 2 times in a row")
    assert [child.returncode for child in warm_children] == [3, 3]


def test_a_node_that_holds_its_child_can_be_killed(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", loop("type: block"))
    app = start(LOCAL)
    app.until(lambda: app.node("w.start", "n0").running)
    (child,) = children()
    app.tell(Command.KILL, "w.start")
    app.until_state("w.start", LoopState.STOPPED)
    assert app.loop("w.start").reason == "killed by hand"
    assert not child.is_running()


def test_a_node_that_holds_its_child_does_not_outlive_a_stop(write, start, folder, monkeypatch) -> None:
    monkeypatch.setattr(child_track, "_LEAVE_S", 0.3)
    (folder / "gate").touch()
    write("w.yaml", loop("type: block"))
    app = start(LOCAL)
    app.until(lambda: app.node("w.start", "n0").running)
    app.engine.close(grace=0.1)
    assert app.loop("w.start").state is LoopState.STOPPED
    assert app.loop("w.start").reason == "n0 did not end in time and was killed with its process"
    assert not children()


def test_a_plain_function_that_hangs_ends_with_its_process(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", loop("type: hang", "type: queue-writer, config: {queue: q}"))
    app = start(LOCAL)
    app.until(lambda: app.node("w.start", "n0").running)
    app.engine.close(grace=0.1)
    assert app.loop("w.start").state is LoopState.STOPPED
    assert not children()


def test_a_child_is_noticed_to_be_dead_though_a_process_that_it_forked_holds_everything_open(
    write, start, folder
) -> None:
    write("w.yaml", loop("type: forks", options=", restarts: 0"))
    app = start(LOCAL)
    app.until(lambda: (folder / "forked").exists() and (folder / "forked").read_text())
    (child,) = children()
    forked = psutil.Process(int((folder / "forked").read_text()))
    child.send_signal(signal.SIGKILL)
    app.until_state("w.start", LoopState.FAILED)
    assert app.loop("w.start").reason == f"its process {child.pid} was killed by SIGKILL"
    assert [line.loop for line in lines_with(app, "from what was forked")] == ["w.start"]
    app.until(lambda: is_gone(forked), "for what it left behind")


def test_the_tracks_of_a_loop_share_a_queue_and_one_that_dies_costs_the_others_nothing(write, start, folder) -> None:
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 300}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}, loop: {pool: process, replicas: 2}}
          wait: {type: wait, needs: in}
          done: {type: queue-writer, needs: wait, config: {queue: done}}
        """,
    )
    (folder / "gate").touch()
    app = start(LOCAL)
    app.until(lambda: app.loop("w.in").in_flight == 2 and app.loop("w.in").state is LoopState.RUNNING)
    children()[0].send_signal(signal.SIGKILL)
    app.until(lambda: "was killed by SIGKILL; starts again" in app.loop("w.in").reason)
    (folder / "gate").unlink()
    app.until_state("w.in", LoopState.RUNNING)
    app.until_idle()
    app.until(lambda: app.queue("w.q").depth == app.queue("w.q").in_flight == 0 and app.queue("w.done").depth == 300)
    assert app.queue("w.q").unaccounted == 0
    assert app.snapshot().dead_total == 0


@pytest.mark.usefixtures("warm_children")
def test_items_that_kill_their_process_fill_the_list_of_dead_letters_and_that_pauses_their_loop(
    write, start, folder
) -> None:
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 20}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}, loop: {pool: process, max_deliveries: 1, max_dead_letters: 1}}
          die: {type: die, needs: in}
        """,
    )
    (folder / "deadly").touch()
    app = start(LOCAL)
    app.until_state("w.in", LoopState.PAUSED)
    assert app.loop("w.in").reason.startswith("it has 1 dead letter, and max_dead_letters is 1")
    assert (app.snapshot().dead_total, app.loop("w.in").errors) == (1, 0)


def test_closing_the_engine_leaves_no_child_behind(write, start) -> None:
    write("w.yaml", loop("type: note", count=0, every=0.01))
    app = start(LOCAL)
    app.until_state("w.start", LoopState.RUNNING)
    assert len(children()) == 1
    app.engine.close()
    assert not children()
    assert app.loop("w.start").state is LoopState.STOPPED
    done = app.done()
    assert done == list(range(len(done)))
