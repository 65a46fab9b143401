"""What failed items mean for their loop."""

from __future__ import annotations

from flowtui.graph.plan import ExecutionPlan
from flowtui.model.letters import DeadLetter
from flowtui.model.states import OnError


class Breaker:
    """Decides whether a track goes on after a failure.

    Attributes:
        in_a_row: how many iterations have failed since the last that did not.
    """

    def __init__(self, plan: ExecutionPlan) -> None:
        self._on_error = plan.on_error
        self._limit = plan.breaker
        self.in_a_row = 0

    def heed(self, letter: DeadLetter) -> tuple[OnError, str]:
        """Count a failed iteration; return what the track must do now besides filing it, and why."""
        self.in_a_row += 1
        verdict, reason = self._on_error, f"{letter.error} at {letter.node}: {letter.message}"
        if verdict is OnError.DEAD_LETTER and self.in_a_row == self._limit:
            # What every item fails at is no fault of the items: keep the rest of them out of the dead letters.
            verdict, reason = OnError.PAUSE, f"{self.in_a_row} failures in a row, the last {reason}"
        if verdict is OnError.PAUSE:
            self.in_a_row = 0
        return verdict, reason


def too_many(plan: ExecutionPlan, letters: int) -> str:
    """Return why a loop with so many dead letters must pause; empty if it need not."""
    if letters < plan.max_dead_letters:
        return ""
    count = "1 dead letter" if letters == 1 else f"{letters:,} dead letters"
    return (
        f"it has {count}, and max_dead_letters is {plan.max_dead_letters:,}: replay or purge some "
        f"(flowtui dead list --loop {plan.loop}), then resume it"
    )
