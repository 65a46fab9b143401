"""The dead letters of a client without an engine."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future
from typing import Any

from flowtui.model.letters import DeadLetter, ReplayAnswer


class LetterBox:
    """Has the methods of `EngineClient` that every screen may call for dead letters. All succeed but with `refusal`."""

    def __init__(self) -> None:
        self.letters: list[DeadLetter] = []
        self.replays: list[tuple[str, str, bool]] = []
        self.replay_answer = ReplayAnswer()
        self.refusal: Exception | None = None

    def dead_letters(
        self,
        loop: str = "",
        fingerprint: str = "",
        *,
        before: int | None = None,
        limit: int = 100,
        of_production: bool = False,
    ) -> Future[list[DeadLetter]]:
        found = [
            letter
            for letter in sorted(self.letters, key=lambda letter: -letter.number)
            if letter.of_production is of_production
            and loop in ("", letter.loop)
            and fingerprint in ("", letter.fingerprint)
            and (before is None or letter.number < before)
        ]
        return self._answer(found[:limit])

    def replaying(self, loop: str) -> Future[int]:
        return self._answer(sum(letter.replaying for letter in self.letters if letter.loop == loop))

    def replay_all(
        self,
        loop: str = "",
        fingerprint: str = "",
        *,
        numbers: Collection[int] | None = None,
        from_start: bool = False,
    ) -> Future[ReplayAnswer]:
        self.replays.append((loop, fingerprint, from_start))
        return self._answer(self.replay_answer)

    def _answer(self, result: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.refusal is not None:
            future.set_exception(self.refusal)
        else:
            future.set_result(result)
        return future
