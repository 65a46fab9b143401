from __future__ import annotations

import re

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.errors import NotReplicable
from flowtui.model.states import Command, LoopState

PIPE = """
nodes:
  start: {type: count, config: {every: 0.001}, loop: {pool: %(pool)s}}
  put: {type: queue-writer, needs: start, config: {queue: first}}
  middle: {type: queue-reader, config: {queue: first}, loop: {pool: %(pool)s}}
  wait: {type: wait, needs: middle}
  on: {type: queue-writer, needs: wait, config: {queue: second}}
  last: {type: queue-reader, config: {queue: second}, loop: {pool: %(pool)s}}
  note: {type: note, needs: last}
"""

RING = """
nodes:
  start: {type: count, config: {count: 40}}
  put: {type: queue-writer, needs: start, config: {queue: ring}}
  round: {type: queue-reader, config: {queue: ring}}
  wait: {type: wait, needs: round}
  again: {type: if, needs: wait, config: {when: "{{ data.get('laps', 0) < 3 }}"}}
  lap: {type: lap, needs: again.yes}
  back: {type: queue-writer, needs: lap, config: {queue: back}}
  turn: {type: queue-reader, config: {queue: back}}
  forth: {type: queue-writer, needs: turn, config: {queue: ring}}
  note: {type: note, needs: again.no}
"""

LAP = """
from flowtui import BlockingNode

class Lap(BlockingNode):
    async def execute(self, data):
        return data | {"laps": data.get("laps", 0) + 1}
"""


@pytest.fixture(params=["asyncio", "thread"])
def pool(request: pytest.FixtureRequest) -> str:
    return request.param


def test_a_drain_ends_sources_first_then_readers_as_their_queues_run_dry_and_loses_nothing(
    write, start, folder, pool
) -> None:
    write("w.yaml", PIPE % {"pool": pool})
    (folder / "gate").touch()
    app = start()
    app.until(lambda: app.loop("w.start").iterations > 50)
    EngineClient(app.engine).command_all(Command.DRAIN).result()
    app.until_state("w.start", LoopState.STOPPED)
    assert app.loop("w.middle").state is LoopState.DRAINING
    app.until(lambda: re.fullmatch(r"\d+ queued, \d+ in flight", app.loop("w.middle").waiting), "for the reason")
    app.until(lambda: app.loop("w.last").waiting == "w.middle to end first", "for the reason")
    (folder / "gate").unlink()
    for loop in ("w.middle", "w.last"):
        app.until_state(loop, LoopState.STOPPED)
    made = app.loop("w.start").iterations
    assert app.done() == list(range(made))
    assert app.loop("w.last").since >= app.loop("w.middle").since >= app.loop("w.start").since


def test_a_drain_that_is_called_off_loses_nothing(write, start, folder) -> None:
    write("w.yaml", PIPE % {"pool": "thread"})
    (folder / "gate").touch()
    app = start()
    app.until(lambda: app.loop("w.start").iterations > 50)
    client = EngineClient(app.engine)
    client.command_all(Command.DRAIN).result()
    app.until_state("w.start", LoopState.STOPPED)
    made = app.loop("w.start").iterations
    assert client.command_each(Command.RESUME, ["w.middle", "w.last"]).result() == ()
    refusals = client.command_each(Command.RESUME, ["w.start", "w.gone"]).result()
    assert [refusal.split()[0] for refusal in refusals] == ["w.start", "there"]
    app.tell(Command.START, "w.start")
    (folder / "gate").unlink()
    app.until(lambda: len(app.done()) > made + 20)
    assert app.done()[:made] == list(range(made))
    for loop in ("w.start", "w.middle", "w.last"):
        app.until_state(loop, LoopState.RUNNING)


def test_a_reader_that_is_drained_alone_ends_when_its_queue_is_empty_though_its_writer_could_go_on(
    write, start, folder
) -> None:
    write("w.yaml", PIPE % {"pool": "asyncio"})
    app = start()
    app.until(lambda: len(app.done()) > 20)
    app.tell(Command.PAUSE, "w.start")
    app.tell(Command.DRAIN, "w.middle")
    app.until_state("w.middle", LoopState.STOPPED)
    app.until(lambda: app.done() == list(range(app.loop("w.start").iterations)))
    assert app.loop("w.last").state is LoopState.RUNNING


def test_a_ring_of_queues_is_drained_when_all_of_it_is_empty(write, start, folder) -> None:
    (folder / "nodes" / "lap.py").write_text(LAP)
    (folder / "gate").touch()
    write("w.yaml", RING)
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: app.loop("w.round").in_flight)
    EngineClient(app.engine).command_all(Command.DRAIN).result()
    app.until(lambda: "in flight" in app.loop("w.turn").waiting, "for the reason")
    (folder / "gate").unlink()
    for loop in ("w.round", "w.turn"):
        app.until_state(loop, LoopState.STOPPED)
    assert sorted(app.done()) == list(range(40))
    assert app.loop("w.round").iterations == 160


def test_only_the_loops_of_one_workflow_are_drained_if_it_is_named(write, start) -> None:
    write("w.yaml", PIPE % {"pool": "asyncio"})
    write("other.yaml", PIPE % {"pool": "asyncio"})
    app = start()
    app.until(lambda: app.loop("other.start").iterations and app.loop("w.start").iterations)
    assert EngineClient(app.engine).command_all(Command.DRAIN, "w").result() == 3
    app.until_state("w.last", LoopState.STOPPED)
    assert app.loop("other.last").state is LoopState.RUNNING


def test_a_drain_can_be_cut_short_and_what_is_left_stays_in_the_queue(write, start, folder) -> None:
    (folder / "gate").touch()
    write("w.yaml", PIPE % {"pool": "asyncio"})
    app = start()
    app.until(lambda: app.loop("w.start").iterations > 50)
    EngineClient(app.engine).command_all(Command.DRAIN).result()
    app.tell(Command.KILL, "w.middle")
    app.until_state("w.middle", LoopState.STOPPED)
    app.until_state("w.last", LoopState.STOPPED)
    app.until(lambda: app.queue("w.first").depth == app.loop("w.start").iterations)
    assert app.queue("w.first").unaccounted == 0


def test_replicas_share_the_work_and_can_be_added_and_taken_away_while_they_run(write, start, folder, pool) -> None:
    write("w.yaml", PIPE.replace("{queue: first}, loop: {", "{queue: first}, loop: {replicas: 2, ") % {"pool": pool})
    app = start()
    app.until(lambda: app.loop("w.middle").tracks == 2)
    assert EngineClient(app.engine).scale("w.middle", 2).result() == 4
    app.until(lambda: app.loop("w.middle").tracks == 4)
    assert EngineClient(app.engine).scale("w.middle", -10).result() == 1
    app.until(lambda: app.loop("w.middle").tracks == 1)
    EngineClient(app.engine).command_all(Command.DRAIN).result()
    app.until_state("w.last", LoopState.STOPPED)
    made = app.loop("w.start").iterations
    assert sorted(app.done()) == list(range(made))
    assert app.loop("w.middle").iterations == made


def test_replicas_work_at_the_same_time(write, start, folder, pool) -> None:
    (folder / "gate").touch()
    write("w.yaml", PIPE.replace("{queue: first}, loop: {", "{queue: first}, loop: {replicas: 3, ") % {"pool": pool})
    app = start()
    app.until(lambda: app.node("w.middle", "wait").running == 3)
    (folder / "gate").unlink()
    app.until(lambda: len(app.done()) > 20)


def test_more_tracks_of_a_producer_that_is_not_replicable_are_refused(write, start) -> None:
    write("w.yaml", PIPE % {"pool": "asyncio"})
    app = start()
    with pytest.raises(NotReplicable, match=r"w\.start can't have 2 replicas: several 'count' producers at once"):
        EngineClient(app.engine).scale("w.start", 1).result()
    assert EngineClient(app.engine).scale("w.start", -1).result() == 1


def test_replicas_in_the_file_of_a_producer_that_is_not_replicable_are_a_problem(write, start) -> None:
    path = write("w.yaml", "nodes:\n  start: {type: count, loop: {replicas: 2}}\n")
    (problem,) = start().snapshot().problems
    assert (problem.path, problem.line, problem.code) == (path, 2, "not-replicable")
    assert "give the queue's reader the replicas" in problem.message


def test_a_killed_loop_ends_though_its_node_holds_the_event_loop_and_another_can_start(write, start, folder) -> None:
    (folder / "nodes" / "hold.py").write_text(
        "import time\nfrom flowtui import BlockingNode\n\n"
        "class Hold(BlockingNode):\n"
        "    async def execute(self, data):\n"
        "        while (self.folder / 'gate').exists():\n"
        "            time.sleep(0.01)\n"
        "        return data\n"
    )
    (folder / "gate").touch()
    write("w.yaml", PIPE.replace("type: wait", "type: hold") % {"pool": "asyncio"})
    app = start()
    app.until(lambda: app.node("w.middle", "wait").running)
    app.tell(Command.KILL, "w.middle")
    app.until_state("w.middle", LoopState.STOPPED)
    assert app.loop("w.middle").reason == "killed; wait still runs and is left behind"
    EngineClient(app.engine).command_all(Command.KILL).result()
    for loop in ("w.start", "w.last"):
        app.until_state(loop, LoopState.STOPPED)
    made = app.loop("w.start").iterations
    app.tell(Command.START, "w.start")
    app.until(lambda: app.loop("w.start").iterations > made)
    (folder / "gate").unlink()
    app.tell(Command.START, "w.middle")
    app.tell(Command.START, "w.last")
    app.until(lambda: len(app.done()) > made)
    app.until(lambda: app.queue("w.first").unaccounted == 0)


def test_a_restart_takes_the_loop_through_stopped_to_running_and_loses_nothing(write, start, pool) -> None:
    write("w.yaml", PIPE % {"pool": pool})
    app = start()
    app.until(lambda: len(app.done()) > 20)
    app.tell(Command.RESTART, "w.middle")
    app.until(lambda: app.loop("w.middle").reason == "restarted by hand")
    app.until_state("w.middle", LoopState.RUNNING)
    EngineClient(app.engine).command_all(Command.DRAIN).result()
    app.until_state("w.last", LoopState.STOPPED)
    assert app.done() == list(range(app.loop("w.start").iterations))
