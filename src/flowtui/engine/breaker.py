"""What failed items mean for their loop."""

from __future__ import annotations

from collections.abc import Callable

from flowtui.graph.plan import ExecutionPlan
from flowtui.model.letters import DeadLetter
from flowtui.model.states import OnError


class Breaker:
    """Decides whether a track goes on after failures. That of replays always does: whoever wants these will see.

    Attributes:
        in_a_row: how many iterations have failed since the last that did not.
    """

    def __init__(self, plan: ExecutionPlan, pause: Callable[[str], None], stop: Callable[[str], None]) -> None:
        """`pause` and `stop` are called with the reason why the track must."""
        self._plan = plan
        self._pause = pause
        self._stop = stop
        self.in_a_row = 0

    def heed(self, letter: DeadLetter) -> None:
        """Count a failed iteration; `letter` is its first."""
        if self._plan.is_replay:
            return
        self.in_a_row += 1
        verdict, reason = self._plan.on_error, f"{letter.error} at {letter.node}: {letter.message}"
        if verdict is OnError.DEAD_LETTER and self.in_a_row == self._plan.breaker:
            # What every item fails at is no fault of the items: keep the rest of them out of the dead letters.
            verdict, reason = OnError.PAUSE, f"{self.in_a_row} failures in a row, the last {reason}"
        if verdict is OnError.STOP:
            self._stop(reason)
        elif verdict is OnError.PAUSE:
            self.in_a_row = 0
            self._pause(reason)

    def filed(self, letters: int) -> None:
        """Take note of how many dead letters the loop has now that some were filed."""
        if not self._plan.is_replay and (reason := too_many(self._plan, letters)):
            self.in_a_row = 0
            self._pause(reason)


def too_many(plan: ExecutionPlan, letters: int) -> str:
    """Return why a loop with so many dead letters must pause; empty if it need not."""
    if letters < plan.max_dead_letters:
        return ""
    count = "1 dead letter" if letters == 1 else f"{letters:,} dead letters"
    return (
        f"it has {count}, and max_dead_letters is {plan.max_dead_letters:,}: replay or purge some "
        f"(flowtui dead list --loop {plan.loop}), then resume it"
    )
