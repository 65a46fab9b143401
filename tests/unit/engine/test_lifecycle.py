from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowtui.engine.lifecycle import TRANSITIONS, Event, Lifecycle
from flowtui.model.errors import IllegalTransition
from flowtui.model.states import Command, LoopState


def lifecycle_after(*events: Event) -> Lifecycle:
    life = Lifecycle("orders.incoming")
    for event in events:
        life.apply(event, "test")
    return life


def test_a_loop_goes_through_pause_and_resume_to_stopped() -> None:
    life = lifecycle_after(Event.START, Event.STARTED, Event.PAUSE)
    assert life.state is LoopState.PAUSING
    life.apply(Event.SETTLED, "nothing in flight")
    assert (life.state, life.reason) == (LoopState.PAUSED, "nothing in flight")
    life.apply(Event.RESUME, "")
    life.apply(Event.STOP, "")
    assert life.apply(Event.ENDED, "done") is LoopState.STOPPED


def test_an_illegal_move_names_the_legal_ones_and_changes_nothing() -> None:
    life = lifecycle_after(Event.START, Event.STARTED)
    since = life.since
    with pytest.raises(
        IllegalTransition,
        match=r"orders\.incoming is running: cannot start; it can pause or drain or stop or kill or restart",
    ):
        life.apply(Event.START, "again")
    assert (life.state, life.since) == (LoopState.RUNNING, since)


def test_a_stopping_loop_can_only_end_sooner_or_start_again() -> None:
    life = lifecycle_after(Event.START, Event.STARTED, Event.STOP)
    with pytest.raises(IllegalTransition, match="it can stop or kill or restart"):
        life.apply(Event.RESUME, "")


@pytest.mark.parametrize("ended", [Event.COMPLETE, Event.FAIL])
def test_a_loop_that_ended_by_itself_can_start_again(ended: Event) -> None:
    life = lifecycle_after(Event.START, Event.STARTED, ended)
    assert life.apply(Event.START, "once more") is LoopState.STARTING


def test_a_move_to_the_same_state_keeps_reason_and_since_when() -> None:
    life = lifecycle_after(Event.START, Event.STOP)
    before = (life.reason, life.since)
    life.apply(Event.KILL, "late news")
    assert (life.state, life.reason, life.since) == (LoopState.STOPPING, *before)


def test_every_crash_of_a_starting_loop_is_a_new_reason() -> None:
    life = lifecycle_after(Event.START)
    for number in (1, 2):
        life.apply(Event.CRASH, f"crash {number}")
        assert (life.state, life.reason) == (LoopState.STARTING, f"crash {number}")


@given(st.lists(st.sampled_from(list(Event)), max_size=40))
def test_whatever_happens_every_state_offers_a_way_on(events: list[Event]) -> None:
    life = Lifecycle("w.p")
    for event in events:
        if life.allows(event):
            life.apply(event, "")
        else:
            with pytest.raises(IllegalTransition):
                life.apply(event, "")
    reachable = {life.state}
    for _ in LoopState:
        reachable |= {target for state in reachable for target in TRANSITIONS[state].values()}
    assert LoopState.RUNNING in reachable


def test_every_command_is_an_event_and_legal_somewhere() -> None:
    for command in Command:
        assert any(Event(command.value) in moves for moves in TRANSITIONS.values())
