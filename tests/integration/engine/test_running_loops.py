from __future__ import annotations

import time

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.errors import IllegalTransition, UnknownLoop
from flowtui.model.states import Command, LoopState, NodeHealth

POOLS = ["asyncio", "thread", "process"]


@pytest.fixture(params=POOLS)
def pool(request: pytest.FixtureRequest) -> str:
    return request.param


def chain(pool: str, *nodes: str, producer: str = "count", config: str = "{count: 100}") -> str:
    lines = ["nodes:", f"  start: {{type: {producer}, config: {config}, loop: {{pool: {pool}}}}}"]
    before = "start"
    for number, node in enumerate(nodes):
        lines.append(f"  n{number}: {{needs: {before}, {node}}}")
        before = f"n{number}"
    return "\n".join(lines)


def test_a_loop_takes_every_item_through_its_chain_in_order_and_completes(write, start, pool) -> None:
    write("w.yaml", chain(pool, "type: wait", "type: note"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == list(range(100))
    loop = app.loop("w.start")
    assert (loop.iterations, loop.errors, loop.in_flight, loop.pool) == (100, 0, 0, pool)
    assert [node.runs for node in loop.nodes] == [100, 100, 100]
    assert all(node.health is NodeHealth.HEALTHY for node in loop.nodes)


def test_items_pass_from_loop_to_loop_through_a_queue_and_none_is_lost(write, start, pool) -> None:
    write(
        "w.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 500}}, loop: {{pool: {pool}}}}}
          out: {{type: queue-writer, needs: start, config: {{queue: middle}}}}
          in: {{type: queue-reader, config: {{queue: middle}}, loop: {{pool: {pool}}}}}
          note: {{type: note, needs: in}}
        """,
    )
    app = start()
    app.until_idle()
    assert app.done() == list(range(500))
    app.until(lambda: app.loop("w.in").iterations == 500)  # a child process tells it a moment later
    # What the screen shows of queues was looked at up to a second ago.
    app.until(lambda: app.snapshot().queues and app.queue("w.middle").in_rate > 0 and not app.queue("w.middle").depth)
    assert app.queue("w.middle").unaccounted == 0
    app.until(lambda: app.loop("w.in").waiting == "no input")


def test_an_error_ends_one_iteration_only_and_leaves_a_dead_letter_that_explains_it(write, start, pool) -> None:
    write("w.yaml", chain(pool, "type: fail-on, config: {n: 10}", "type: note"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done() == [n for n in range(100) if n % 10]
    assert (app.loop("w.start").iterations, app.loop("w.start").errors) == (100, 10)
    app.until(lambda: app.snapshot().dead_total == 10)
    (group,) = app.snapshot().dead_letters
    assert (group.loop, group.node, group.error, group.count) == ("w.start", "n0", "ValueError", 10)
    assert app.node("w.start", "n0").errors == 10
    assert app.node("w.start", "n1").runs == 90
    assert "ValueError: cannot take 10 (testing_nodes.py:" in "\n".join(app.messages())


def test_a_conditional_sends_each_item_down_one_branch_and_a_join_takes_either(write, start, pool) -> None:
    write(
        "w.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 20}}, loop: {{pool: {pool}}}}}
          parity: {{type: parity, needs: start}}
          even: {{type: note, needs: parity.even, config: {{file: even.txt}}}}
          odd: {{type: note, needs: parity.odd, config: {{file: odd.txt}}}}
          both: {{type: note, needs: [even, odd]}}
        """,
    )
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert app.done("even.txt") == list(range(0, 20, 2))
    assert app.done("odd.txt") == list(range(1, 20, 2))
    assert app.done() == list(range(20))
    assert app.node("w.start", "parity").ports == (("even", 10), ("odd", 10))


def test_a_failed_branch_stops_what_is_behind_it_and_its_sibling_still_commits(write, start) -> None:
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 10}}
          bad: {type: fail-on, needs: start, config: {n: 1}}
          good: {type: note, needs: start}
          join: {type: note, needs: [bad, good], config: {file: join.txt}}
          out: {type: queue-writer, needs: good, config: {queue: kept}}
          in: {type: queue-reader, config: {queue: kept}}
          end: {type: note, needs: in, config: {file: kept.txt}}
        """,
    )
    app = start()
    app.until_idle()
    assert sorted(app.done()) == list(range(10))
    assert app.done("join.txt") == []
    assert app.done("kept.txt") == list(range(10))


def test_a_non_blocking_node_lets_the_loop_go_on_up_to_its_bound(write, start, folder) -> None:
    (folder / "gate").touch()
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, loop: {max_in_flight: 5}}
          first: {type: note, needs: start}
          slow: {type: background-wait, needs: first}
          last: {type: note, needs: slow, config: {file: last.txt}}
        """,
    )
    app = start()
    app.until(lambda: app.loop("w.start").waiting == "5 in flight, oldest at slow")
    assert app.done() == [0, 1, 2, 3, 4]
    assert app.loop("w.start").in_flight == 5
    (folder / "gate").unlink()
    app.until(lambda: len(app.done("last.txt")) > 20)


def test_pausing_settles_what_is_in_flight_and_resuming_goes_on_without_a_gap(write, start, folder, pool) -> None:
    write("w.yaml", chain(pool, "type: wait", "type: note", config="{every: 0.001}"))
    app = start()
    app.until(lambda: len(app.done()) > 5)
    app.tell(Command.PAUSE, "w.start")
    app.until_state("w.start", LoopState.PAUSED)
    assert app.loop("w.start").in_flight == 0
    held = app.done()
    app.tell(Command.RESUME, "w.start")
    app.until(lambda: len(app.done()) > len(held) + 5)
    done = app.done()
    assert done == list(range(len(done)))


def test_a_loop_whose_producer_waits_is_paused_at_once_and_its_late_item_is_held(write, start) -> None:
    write("w.yaml", chain("asyncio", "type: note", config="{every: 0.3}"))
    app = start()
    app.until_state("w.start", LoopState.RUNNING)
    app.tell(Command.PAUSE, "w.start")
    app.until_state("w.start", LoopState.PAUSED)
    before = app.done()
    time.sleep(0.7)  # long enough for the producer to yield; that nothing happens cannot be awaited
    assert app.done() == before
    app.tell(Command.RESUME, "w.start")
    app.until(lambda: len(app.done()) > len(before))
    done = app.done()
    assert done == list(range(len(done)))


def test_pausing_a_reader_returns_what_it_fetched_and_has_not_begun(write, start, folder) -> None:
    (folder / "gate").touch()
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 50}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}}
          wait: {type: wait, needs: in}
          note: {type: note, needs: wait}
        """,
    )
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: app.loop("w.in").in_flight == 1)
    app.tell(Command.PAUSE, "w.in")
    assert app.loop("w.in").state is LoopState.PAUSING
    (folder / "gate").unlink()
    app.until_state("w.in", LoopState.PAUSED)
    done = len(app.done())
    app.until(lambda: app.queue("w.q").depth == 50 - done and app.queue("w.q").in_flight == 0)
    app.tell(Command.RESUME, "w.in")
    app.until(lambda: len(app.done()) == 50)
    assert app.done() == list(range(50))


def test_stop_ends_a_waiting_loop_at_once_and_start_runs_it_again(write, start, pool) -> None:
    write("w.yaml", chain(pool, "type: note", config="{every: 30}"))
    app = start()
    app.until_state("w.start", LoopState.RUNNING)
    app.tell(Command.STOP, "w.start")
    app.until_state("w.start", LoopState.STOPPED)
    app.tell(Command.START, "w.start")
    app.until_state("w.start", LoopState.RUNNING)


def test_an_item_that_outlasts_the_grace_goes_back_to_its_queue(write, start, folder) -> None:
    (folder / "gate").touch()
    write(
        "w.yaml",
        """
        nodes:
          start: {type: count, config: {count: 3}}
          out: {type: queue-writer, needs: start, config: {queue: q}}
          in: {type: queue-reader, config: {queue: q}}
          wait: {type: wait, needs: in}
          note: {type: note, needs: wait}
        """,
    )
    first = start("local")
    first.until(lambda: first.loop("w.in").in_flight == 1 and first.loop("w.start").state is LoopState.COMPLETED)
    first.engine.close(grace=0.1)
    assert (first.queue("w.q").depth, first.queue("w.q").in_flight, first.snapshot().dead_total) == (3, 0, 0)
    (folder / "gate").unlink()
    write("w.yaml", "nodes:\n  in: {type: queue-reader, config: {queue: q}}\n  note: {type: note, needs: in}\n")
    second = start("local")
    second.until(lambda: len(second.done()) == 3)
    assert second.done() == [0, 1, 2]


def test_an_item_without_a_queue_that_outlasts_the_grace_becomes_a_dead_letter(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", chain("asyncio", "type: wait", "type: note"))
    app = start()
    app.until(lambda: app.loop("w.start").in_flight == 1)
    app.engine.close(grace=0.1)
    (group,) = app.snapshot().dead_letters
    assert (group.error, group.count) == ("Cancelled", 1)
    assert "the loop stopped while n0 still worked on it" in group.message


def test_a_node_that_hangs_in_a_thread_is_named_and_keeps_nothing_else_from_ending(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", chain("thread", "type: hang"))
    write("other.yaml", chain("asyncio", "type: note", config="{every: 0.01}"))
    app = start()
    app.until(lambda: app.node("w.start", "n0").running == 1)
    app.engine.close(grace=0.2)
    assert app.loop("w.start").state is LoopState.STOPPED
    assert app.loop("w.start").reason == "n0 still running in a thread"
    assert app.loop("other.start").state is LoopState.STOPPED
    (folder / "gate").unlink()


def test_a_producer_with_a_cursor_goes_on_where_its_last_commit_was(write, start) -> None:
    text = chain("asyncio", "type: note", producer="cursor-count", config="{every: 0.001}")
    write("w.yaml", text)
    first = start("local")
    first.until(lambda: len(first.done()) > 10)
    first.engine.close()  # with the usual grace: what a slow disk has not taken by then is done once more
    before = len(first.done())
    second = start("local")
    second.until(lambda: len(second.done()) > before + 5)
    done = second.done()
    assert done == list(range(len(done)))


def test_a_failing_producer_is_asked_again_and_says_why_it_waits(write, start, folder) -> None:
    (folder / "nodes" / "flaky.py").write_text(
        "from flowtui import ProducerNode\n"
        "class Flaky(ProducerNode):\n"
        "    tries = 0\n"
        "    async def execute(self):\n"
        "        self.tries += 1\n"
        "        if self.tries == 1:\n"
        "            raise ConnectionError('nobody there')\n"
        "        return {'n': self.tries}\n"
    )
    write("w.yaml", "nodes:\n  start: {type: flaky}\n  note: {type: note, needs: start}\n")
    app = start()
    app.until(lambda: app.loop("w.start").waiting == "start failed: ConnectionError: nobody there")
    assert app.node("w.start", "start").health is NodeHealth.FAILING
    app.until(lambda: app.done()[:1] == [2])
    app.until(lambda: app.loop("w.start").waiting == "")


def test_a_setup_that_raises_fails_its_loop_with_the_reason_and_no_other(write, start, folder) -> None:
    (folder / "nodes" / "broken_setup.py").write_text(
        "from flowtui import BlockingNode\n"
        "class BrokenSetup(BlockingNode):\n"
        "    def setup(self):\n"
        "        raise RuntimeError('no such device')\n"
        "    async def execute(self, data):\n"
        "        return data\n"
    )
    write("bad.yaml", chain("asyncio", "type: broken-setup"))
    write("good.yaml", chain("asyncio", "type: note"))
    app = start()
    app.until_state("bad.start", LoopState.FAILED)
    assert app.loop("bad.start").reason == "RuntimeError: no such device (broken_setup.py:4 in setup)"
    app.until_state("good.start", LoopState.COMPLETED)


def test_setup_and_teardown_frame_every_run_of_a_loop(write, start, folder) -> None:
    (folder / "nodes" / "framed.py").write_text(
        "from flowtui import BlockingNode\n"
        "class Framed(BlockingNode):\n"
        "    async def setup(self): print('setup')\n"
        "    def teardown(self): print('teardown')\n"
        "    async def execute(self, data):\n"
        "        print('execute')\n"
    )
    write("w.yaml", chain("asyncio", "type: framed", config="{count: 2}"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    framed = [m for m in app.messages() if m in ("setup", "execute", "teardown")]
    assert framed == ["setup", "execute", "execute", "teardown"]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 7", "returned int; return a mapping"),
        ("return {'x': object()}", "its payload is no JSON"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("import asyncio; raise asyncio.CancelledError", "was cancelled from inside"),
    ],
)
def test_whatever_a_node_does_wrong_costs_one_item_and_is_explained(write, start, folder, body, message) -> None:
    (folder / "nodes" / "wrong.py").write_text(
        "from flowtui import BlockingNode\n"
        "class Wrong(BlockingNode):\n"
        "    async def execute(self, data):\n"
        "        if data['n'] == 3:\n"
        f"            {body}\n"
        "        return data\n"
    )
    write("w.yaml", chain("asyncio", "type: wrong", "type: queue-writer, config: {queue: q}", config="{count: 5}"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    assert (app.loop("w.start").iterations, app.loop("w.start").errors) == (5, 1)
    assert message in "\n".join(app.messages())
    app.until(lambda: app.snapshot().dead_total == 1 and app.queue("w.q").depth == 4)


@pytest.mark.parametrize(("policy", "state"), [("pause", LoopState.PAUSED), ("stop", LoopState.FAILED)])
def test_a_loop_can_be_told_to_pause_or_stop_at_its_first_error(write, start, policy, state) -> None:
    write(
        "w.yaml",
        f"""
        nodes:
          start: {{type: count, config: {{count: 50}}, loop: {{on_error: {policy}}}}}
          note: {{type: note, needs: start}}
          bad: {{type: fail-on, needs: note, config: {{n: 7}}}}
        """,
    )
    app = start()
    app.until_state("w.start", state)
    assert app.loop("w.start").reason == "ValueError at bad: cannot take 0"
    assert app.done() == [0]


def test_an_illegal_command_says_what_is_legal_and_an_unknown_loop_is_named(write, start) -> None:
    write("w.yaml", chain("asyncio", "type: note", config="{count: 1}"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    with pytest.raises(IllegalTransition, match=r"w\.start is completed: cannot pause; it can start"):
        app.tell(Command.PAUSE, "w.start")
    with pytest.raises(UnknownLoop, match=r"no loop 'w\.nix'"):
        app.tell(Command.START, "w.nix")


def test_a_command_to_all_reaches_those_that_it_is_legal_for(write, start) -> None:
    write("a.yaml", chain("asyncio", "type: note", config="{count: 1}"))
    write("b.yaml", chain("asyncio", "type: note", config="{every: 0.01}"))
    write("c.yaml", chain("thread", "type: note", config="{every: 0.01}"))
    app = start()
    app.until_state("a.start", LoopState.COMPLETED)
    app.until_state("b.start", LoopState.RUNNING)
    app.until_state("c.start", LoopState.RUNNING)
    assert EngineClient(app.engine).command_all(Command.PAUSE).result(5) == 2
    app.until_state("b.start", LoopState.PAUSED)
    app.until_state("c.start", LoopState.PAUSED)


def test_a_plain_function_in_an_asyncio_loop_does_not_hold_its_neighbours(write, start, folder) -> None:
    (folder / "gate").touch()
    write("hanging.yaml", chain("asyncio", "type: hang"))
    write("other.yaml", chain("asyncio", "type: note"))
    app = start()
    app.until(lambda: app.node("hanging.start", "n0").running == 1)
    app.until_state("other.start", LoopState.COMPLETED)
    assert app.loop("hanging.start").iterations == 0
    (folder / "gate").unlink()
    app.until_state("hanging.start", LoopState.COMPLETED)


def test_what_nodes_print_is_attributed_to_them_in_every_pool(write, start, pool) -> None:
    write("w.yaml", chain(pool, "type: plain", config="{count: 3}"))
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    lines = [line for line in app.engine.logs(0, 1000).lines if line.message.startswith("plain")]
    assert [(line.loop, line.node, line.message) for line in lines] == [
        ("w.start", "n0", f"plain {n}") for n in range(3)
    ]
    assert all(line.item for line in lines)
