"""What a loop makes of what its tracks say; the tracks are played by the test."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import pytest

from engine_lab import PlannedNode, plan_of, reader, run
from flowtui.engine.commands import Commands
from flowtui.engine.handle import Report
from flowtui.engine.lifecycle import Event
from flowtui.engine.loop import Loop
from flowtui.engine.runner import GRACE_S
from flowtui.engine.telemetry import TrackCounters, TrackReading
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import IllegalTransition, NotReplicable, UnknownLoop
from flowtui.model.states import Command, LoopState
from flowtui.nodes.base import ProducerNode


class Actor:
    """A track that does nothing but note what it is asked and say what the test wants."""

    def __init__(self, number: int, plan: ExecutionPlan, report: Callable[[Report], None]) -> None:
        self.number = number
        self.asked: list[str] = []
        self.pauses = 0
        self.counters = TrackCounters(plan.ports)
        self._report = report

    def says(self, event: Event, reason: str = "") -> None:
        self._report(Report(event, reason, self.pauses))

    def pause(self) -> None:
        self.pauses += 1
        self.asked.append("pause")

    def resume(self) -> None:
        self.asked.append("resume")

    def finish(self) -> None:
        self.asked.append("finish")

    def stop(self, grace: float) -> None:
        self.asked.append("stop")

    def kill(self) -> None:
        self.asked.append("kill")

    def reading(self) -> TrackReading:
        return self.counters.reading(0)


class Stage:
    """A loop and the tracks that it has started, in order."""

    def __init__(self, *, first: PlannedNode | None = None, **options: int) -> None:
        plan = plan_of(first or reader(), **options)
        self.actors: list[Actor] = []
        self.loop = Loop(plan, self._launch, lambda call: call())

    def _launch(self, plan: ExecutionPlan, number: int, report: Callable[[Report], None]) -> Actor:
        self.actors.append(Actor(number, plan, report))
        return self.actors[-1]

    def tell(self, command: Command) -> None:
        self.loop.command(command, "by the test")

    def runs(self) -> Stage:
        self.tell(Command.START)
        for actor in self.actors:
            actor.says(Event.STARTED)
        return self

    @property
    def state(self) -> LoopState:
        return self.loop.lifecycle.state

    @property
    def reason(self) -> str:
        return self.loop.lifecycle.reason


def in_a_loop(scene: Callable[[], object]) -> None:
    async def main() -> None:
        scene()

    run(main())


def test_a_loop_runs_when_all_its_tracks_have_started() -> None:
    stage = Stage(replicas=2)
    stage.tell(Command.START)
    stage.actors[0].says(Event.STARTED)
    assert stage.state is LoopState.STARTING
    stage.actors[1].says(Event.STARTED)
    assert stage.state is LoopState.RUNNING


def test_a_loop_is_paused_when_all_its_tracks_have_settled() -> None:
    stage = Stage(replicas=2).runs()
    stage.tell(Command.PAUSE)
    stage.actors[0].says(Event.SETTLED)
    assert stage.state is LoopState.PAUSING
    stage.actors[1].says(Event.SETTLED)
    assert stage.state is LoopState.PAUSED


def test_what_a_track_said_before_it_was_resumed_and_paused_again_does_not_count() -> None:
    stage = Stage().runs()
    stage.tell(Command.PAUSE)
    stage.tell(Command.RESUME)
    stage.tell(Command.PAUSE)
    stage.actors[0].pauses = 1
    stage.actors[0].says(Event.SETTLED)
    assert stage.state is LoopState.PAUSING


def test_a_track_that_pauses_itself_pauses_the_others() -> None:
    stage = Stage(replicas=2).runs()
    stage.actors[0].says(Event.PAUSE, "10 failures in a row")
    assert (stage.state, stage.reason) == (LoopState.PAUSING, "10 failures in a row")
    assert stage.actors[1].asked == ["pause"]


def test_a_loop_completes_when_the_last_of_its_tracks_has() -> None:
    stage = Stage(replicas=2).runs()
    stage.actors[1].says(Event.COMPLETE, "nothing more")
    assert stage.state is LoopState.RUNNING
    stage.actors[0].says(Event.COMPLETE, "nothing more")
    assert (stage.state, stage.reason) == (LoopState.COMPLETED, "nothing more")


def test_a_track_that_fails_stops_the_others_and_fails_the_loop() -> None:
    stage = Stage(replicas=2).runs()
    stage.actors[0].says(Event.FAIL, "no such device")
    assert (stage.state, stage.actors[1].asked) == (LoopState.STOPPING, ["stop"])
    stage.actors[1].says(Event.ENDED, "its node still runs")
    assert (stage.state, stage.reason) == (LoopState.FAILED, "no such device")


def test_more_replicas_begin_while_the_loop_runs_and_fewer_settle_and_leave() -> None:
    stage = Stage().runs()
    stage.loop.scale(3)
    assert [actor.number for actor in stage.actors] == [1, 2, 3]
    stage.actors[1].says(Event.STARTED)
    stage.actors[2].says(Event.STARTED)
    stage.loop.scale(1)
    assert [actor.asked for actor in stage.actors] == [[], ["finish"], ["finish"]]
    stage.actors[1].says(Event.ENDED)
    stage.actors[2].says(Event.ENDED)
    assert (stage.state, stage.loop.view().tracks) == (LoopState.RUNNING, 1)


def test_a_track_that_joins_a_paused_loop_is_paused() -> None:
    stage = Stage().runs()
    stage.tell(Command.PAUSE)
    stage.actors[0].says(Event.SETTLED)
    stage.loop.scale(2)
    assert stage.actors[1].asked == ["pause"]
    stage.actors[1].says(Event.STARTED)
    assert stage.state is LoopState.PAUSED
    stage.tell(Command.RESUME)
    assert stage.actors[1].asked == ["pause", "resume"]


def test_a_producer_that_is_not_replicable_stays_alone() -> None:
    class Listen(ProducerNode):
        pass

    stage = Stage(first=PlannedNode("listen", Listen)).runs()
    with pytest.raises(NotReplicable, match=r"w\.loop can't have 2 replicas: several 'listen' producers at once"):
        stage.loop.scale(2)
    assert (stage.loop.replicas, len(stage.actors)) == (1, 1)


def test_what_tracks_did_that_are_gone_still_counts() -> None:
    stage = Stage(replicas=2).runs()
    for actor, runs in zip(stage.actors, (3, 4), strict=True):
        actor.counters.iterations = actor.counters.nodes["read"].runs = runs
    stage.loop.scale(1)
    stage.actors[1].says(Event.ENDED)
    assert (stage.loop.view().iterations, stage.loop.view().nodes[0].runs) == (7, 7)
    stage.tell(Command.STOP)
    stage.actors[0].says(Event.ENDED)
    stage.runs()
    assert stage.loop.view().iterations == 7


def test_a_track_whose_process_died_starts_again_after_a_pause_that_grows() -> None:
    def scene() -> None:
        stage = Stage().runs()
        for number, delay in ((1, "0.5"), (2, "1"), (3, "2")):
            stage.actors[-1].says(Event.CRASH, "its process was killed")
            assert stage.state is LoopState.STARTING
            assert stage.reason == f"its process was killed; starts again in {delay} s ({number} of 5)"
            stage.loop._crew._waiting[1]._run()
            assert len(stage.actors) == number + 1
        stage.actors[-1].says(Event.STARTED)
        assert (stage.state, stage.reason) == (LoopState.RUNNING, "started again: its process was killed")

    in_a_loop(scene)


def test_a_loop_whose_process_dies_again_and_again_fails() -> None:
    def scene() -> None:
        stage = Stage(restarts=1).runs()
        stage.actors[0].says(Event.CRASH, "its process was killed")
        stage.loop._crew._waiting[1]._run()
        stage.actors[1].says(Event.CRASH, "its process was killed")
        assert (stage.state, stage.reason) == (LoopState.FAILED, "its process was killed, 2 times in a row")

    in_a_loop(scene)


def test_the_other_tracks_go_on_while_one_starts_again_and_a_stop_ends_the_waiting() -> None:
    def scene() -> None:
        stage = Stage(replicas=2).runs()
        stage.actors[0].says(Event.CRASH, "its process was killed")
        assert (stage.actors[1].asked, stage.loop.view().tracks) == ([], 1)
        stage.tell(Command.STOP)
        stage.actors[1].says(Event.ENDED)
        assert (stage.state, len(stage.actors)) == (LoopState.STOPPED, 2)

    in_a_loop(scene)


def test_a_loop_can_be_paused_and_stopped_while_its_only_track_waits_to_start_again() -> None:
    def scene() -> None:
        stage = Stage().runs()
        stage.actors[0].says(Event.CRASH, "its process was killed")
        stage.tell(Command.PAUSE)
        assert stage.state is LoopState.PAUSED
        stage.loop._crew._waiting[1]._run()
        assert stage.actors[1].asked == ["pause"]
        stage.actors[1].says(Event.CRASH, "its process was killed")
        stage.tell(Command.STOP)
        assert stage.state is LoopState.STOPPED

    in_a_loop(scene)


@pytest.mark.parametrize("command", [Command.STOP, Command.KILL])
def test_a_restart_can_be_called_off(command: Command) -> None:
    stage = Stage().runs()
    stage.tell(Command.RESTART)
    stage.tell(command)
    stage.actors[0].says(Event.ENDED)
    assert (stage.state, len(stage.actors)) == (LoopState.STOPPED, 1)


def test_a_restart_begins_again_when_the_last_track_has_ended_also_after_a_failure() -> None:
    stage = Stage(replicas=2).runs()
    stage.tell(Command.RESTART)
    assert (stage.state, stage.actors[0].asked) == (LoopState.STOPPING, ["stop"])
    stage.actors[0].says(Event.ENDED)
    stage.actors[1].says(Event.FAIL, "its teardown failed")
    assert (stage.state, stage.reason, len(stage.actors)) == (LoopState.STARTING, "restarted by hand", 4)


@pytest.mark.parametrize("ended", [Event.COMPLETE, Event.FAIL])
def test_a_restart_of_a_loop_that_has_ended_is_a_start(ended: Event) -> None:
    stage = Stage().runs()
    stage.actors[0].says(ended)
    stage.tell(Command.RESTART)
    assert stage.state is LoopState.STARTING


def test_a_drained_source_finishes_at_once_and_a_reader_when_it_is_told() -> None:
    class Listen(ProducerNode):
        pass

    source, reading = Stage(first=PlannedNode("listen", Listen)).runs(), Stage().runs()
    for stage in (source, reading):
        stage.tell(Command.DRAIN)
        assert stage.state is LoopState.DRAINING
    assert (source.actors[0].asked, reading.actors[0].asked) == (["finish"], ["resume"])
    reading.loop.wait_in_drain("3 queued, 1 in flight")
    assert reading.loop.view().waiting == "3 queued, 1 in flight"
    reading.loop.finish()
    reading.actors[0].says(Event.ENDED)
    assert (reading.state, reading.loop.view().waiting) == (LoopState.STOPPED, "")


def test_a_drain_is_called_off_a_reader_goes_on_at_once_and_what_was_told_to_end_starts_again() -> None:
    class Listen(ProducerNode):
        pass

    source, reading = Stage(first=PlannedNode("listen", Listen)).runs(), Stage().runs()
    for stage in (source, reading):
        stage.tell(Command.DRAIN)
        stage.tell(Command.RESUME)
    assert (source.state, reading.state) == (LoopState.DRAINING, LoopState.RUNNING)
    assert reading.loop.view().waiting == ""
    source.loop.wait_in_drain("2 in flight")
    assert source.loop.view().waiting == "2 in flight, then it goes on"
    source.actors[0].says(Event.ENDED)
    assert (source.state, len(source.actors)) == (LoopState.STARTING, 2)
    reading.tell(Command.DRAIN)
    reading.loop.finish()
    reading.tell(Command.RESUME)
    reading.tell(Command.STOP)  # has the last word
    reading.actors[0].says(Event.ENDED)
    assert (reading.state, len(reading.actors)) == (LoopState.STOPPED, 1)


def test_a_loop_says_until_when_its_grace_lasts_as_long_as_it_stops() -> None:
    stage = Stage().runs()
    assert stage.loop.view().grace_until == 0.0
    stage.tell(Command.STOP)
    first = stage.loop.view().grace_until
    assert 0 < first - stage.loop.lifecycle.since <= GRACE_S + 1
    stage.tell(Command.STOP)
    assert stage.loop.view().grace_until == first
    stage.tell(Command.KILL)
    assert stage.loop.view().grace_until == 0.0


def test_several_loops_are_told_in_one_moment_and_who_cannot_says_why() -> None:
    one, two, three = (Stage().runs(), Stage(), Stage().runs())
    three.tell(Command.DRAIN)
    loops = {"w.one": one.loop, "w.two": two.loop, "w.three": three.loop}

    def get(id: str) -> Loop:
        if id not in loops:
            raise UnknownLoop(f"there is no loop {id}")
        return loops[id]

    begun: list[bool] = []
    deployment = SimpleNamespace(get=get, loops=loops)
    commands = Commands(deployment, SimpleNamespace(begun=lambda: begun.append(True)))  # type: ignore[arg-type]
    obeyed, refusals = commands.each(Command.PAUSE, ["w.one", "w.two", "w.none"])
    assert (obeyed, one.state, begun) == ([one.loop], LoopState.PAUSING, [True])
    assert "is stopped: cannot pause" in refusals[0]
    assert refusals[1:] == ["there is no loop w.none"]
    obeyed, refusals = commands.each(Command.RESUME, ["w.three"])
    assert (obeyed, refusals, three.state) == ([three.loop], [], LoopState.RUNNING)
    # Who lets all paused loops go on has not thought of a drain.
    loops.clear()
    three.tell(Command.DRAIN)
    loops[three.loop.plan.loop] = three.loop
    assert (commands.all(Command.RESUME), three.state) == ([], LoopState.DRAINING)


def test_a_track_that_pauses_itself_ends_a_drain_and_its_items_stay_in_the_queue() -> None:
    stage = Stage().runs()
    stage.tell(Command.DRAIN)
    stage.actors[0].says(Event.PAUSE, "10 failures in a row")
    assert (stage.state, stage.reason) == (LoopState.STOPPING, "drained no further: 10 failures in a row")
    assert stage.actors[0].asked[-1] == "stop"


def test_letters_that_others_file_pause_a_loop_once_its_list_is_full() -> None:
    stage = Stage(replicas=2, max_dead_letters=3).runs()
    stage.loop.heed_letters(2)
    assert stage.state is LoopState.RUNNING
    stage.loop.heed_letters(3)
    assert stage.state is LoopState.PAUSING
    assert stage.reason.startswith("it has 3 dead letters, and max_dead_letters is 3")
    assert [actor.asked for actor in stage.actors] == [["pause"], ["pause"]]


def test_a_loop_whose_list_is_full_goes_on_when_it_is_resumed_until_there_is_another_letter() -> None:
    stage = Stage(max_dead_letters=3).runs()
    stage.loop.heed_letters(3)
    stage.loop.heed_letters(4)  # of what was still in flight
    stage.tell(Command.RESUME)
    for count in (5, 5, 2, 2):
        stage.loop.heed_letters(count)
    assert stage.state is LoopState.RUNNING
    stage.loop.heed_letters(3)
    assert (stage.state, stage.actors[0].asked) == (LoopState.PAUSING, ["pause", "resume", "pause"])


def test_a_full_list_changes_nothing_for_a_loop_that_has_ended_or_is_about_to() -> None:
    stage = Stage(max_dead_letters=1).runs()
    stage.tell(Command.STOP)
    stage.loop.heed_letters(1)
    assert (stage.state, stage.reason) == (LoopState.STOPPING, "by the test")
    stage.actors[0].says(Event.ENDED)
    stage.loop.heed_letters(2)
    assert (stage.state, stage.actors[0].asked) == (LoopState.STOPPED, ["stop"])


def test_a_kill_reaches_every_track_also_those_that_leave() -> None:
    stage = Stage(replicas=2).runs()
    stage.loop.scale(1)
    stage.tell(Command.KILL)
    assert [actor.asked[-1] for actor in stage.actors] == ["kill", "kill"]
    with pytest.raises(IllegalTransition):
        stage.tell(Command.PAUSE)
