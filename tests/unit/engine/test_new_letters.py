"""Which dead letters count as new."""

from __future__ import annotations

from flowtui.engine.monitor import Filed


def test_letters_are_new_for_a_minute_and_those_of_before_the_first_look_never_are() -> None:
    filed = Filed()
    assert filed.before(100.0, 40) == 40
    assert filed.before(130.0, 45) == 40
    assert filed.before(159.0, 50) == 40
    assert filed.before(190.0, 50) == 45
    assert filed.before(500.0, 51) == 50
