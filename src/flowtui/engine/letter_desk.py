"""What may be done with dead letters by hand, with what is known of the loops that would run them again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Any

from flowtui.engine.letter_secrets import with_secrets
from flowtui.graph.plan import ExecutionPlan
from flowtui.graph.replays import why_not
from flowtui.model.access import OF_PRODUCTION
from flowtui.model.errors import AccessRefused, SecretError, UnknownLetter
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.nodes.secrets import FindSecrets
from flowtui.storage.letter_store import STEP, LetterStore


class LetterDesk:
    """Shows, changes, replays and removes dead letters.

    Letters are chosen by `loop`, all if empty, and `fingerprint`, all if empty. Every coroutine raises `StoreError` if
    the store cannot do it.
    """

    def __init__(
        self,
        letters: LetterStore,
        plans: Mapping[str, ExecutionPlan] | None,
        find_secrets: FindSecrets,
        production: LetterStore | None = None,
    ) -> None:
        """Make a desk.

        Args:
            letters: what it works on.
            plans: the loops that there are, by id; None if that is not known.
            find_secrets: finds what a letter shows only by name.
            production: letters that are only to be read, of the production beside which the engine develops.
        """
        self._production = production
        self._letters = letters
        self._plans = plans
        self._find_secrets = find_secrets

    async def groups(self) -> list[DeadLetterGroup]:
        """Return the groups of letters, the one with the newest letter first."""
        return await self._letters.groups()

    async def page(
        self, loop: str, fingerprint: str, before: int | None, limit: int, *, of_production: bool = False
    ) -> list[DeadLetter]:
        """Return the newest letters with a number below `before`, newest first; an empty page is the last.

        Those of the production beside which the engine develops are another list.
        """
        letters = self._production if of_production else self._letters
        return await letters.page(loop, fingerprint, before=before, limit=limit) if letters is not None else []

    async def find(self, number: int, *, of_production: bool = False) -> DeadLetter:
        """Return one letter, of this engine or of the production beside which it develops.

        Raises:
            UnknownLetter: if it is not there.
        """
        letters = self._production if of_production else self._letters
        if letters is None:
            raise UnknownLetter(f"there is no dead letter {number} of production: nothing is developed beside one")
        return await letters.find(number)

    async def replaying(self, loop: str) -> int:
        """Return how many letters of a loop wait to be run again, or are run again just now."""
        return await self._letters.replaying(loop)

    async def count(self, loop: str, fingerprint: str) -> int:
        """Return how many letters there are."""
        return await self._letters.count(loop, fingerprint)

    def pages(self, loop: str, fingerprint: str) -> AsyncIterator[list[DeadLetter]]:
        """Yield all letters that are there now, oldest first, a page at a time."""
        return self._letters.pages(loop, fingerprint)

    async def edit(
        self, letter: DeadLetter, *, payload: dict[str, Any] | None = None, item: dict[str, Any] | None = None
    ) -> DeadLetter:
        """Give a letter another payload for its failed node, or another whole item; return the new letter.

        Raises:
            UnknownLetter: if it is gone.
            LetterChanged: if it was edited since it was read, or is being replayed.
            AccessRefused: if it is one of production.
        """
        _check_own(letter)
        return await self._letters.edit(letter, payload=payload, item=item)

    async def purge(self, loop: str, fingerprint: str, numbers: Collection[int] | None = None) -> int:
        """Remove letters, of those chosen only the ones with these numbers if any are given; return how many."""
        if numbers is None:
            return await self._letters.purge(loop, fingerprint)
        return sum([await self.remove(page) async for page in self._chosen(loop, fingerprint, numbers)])

    async def remove(self, letters: Sequence[DeadLetter]) -> int:
        """Remove these letters; return how many of them were still there.

        Raises:
            AccessRefused: if one of them is production's.
        """
        for letter in letters:
            _check_own(letter)
        return sum([await self._letters.remove(letter) for letter in letters])

    async def replay(self, letters: Sequence[DeadLetter], *, from_start: bool) -> ReplayAnswer:
        """Have these letters run again, from their failed nodes or from the start, as far as their loops can."""
        reasons = [self._why_not(letter, from_start) for letter in letters]
        ready = [letter for letter, why in zip(letters, reasons, strict=True) if not why]
        if from_start:  # items go back to their queue as they came
            ready, missing = await asyncio.to_thread(self._revealed, ready)
            reasons += missing
        revisions = dict.fromkeys(filter(None, map(self._differs, ready)))
        queues = {loop: plan.reads for loop, plan in (self._plans or {}).items() if plan.reads is not None}
        answer = await self._letters.replay(ready, from_start=from_start, queues=queues)
        return ReplayAnswer(refused=tuple(filter(None, reasons)), revisions=tuple(revisions)) + answer

    async def replay_all(
        self, loop: str, fingerprint: str, numbers: Collection[int] | None = None, *, from_start: bool
    ) -> ReplayAnswer:
        """As `replay`, for all letters chosen that are there now, in the order in which they failed.

        If numbers are given, it is for those only that have one of them.
        """
        answer = ReplayAnswer()
        async for page in self._chosen(loop, fingerprint, numbers):
            answer += await self.replay(page, from_start=from_start)
        return answer

    async def _chosen(
        self, loop: str, fingerprint: str, numbers: Collection[int] | None
    ) -> AsyncIterator[list[DeadLetter]]:
        """Yield the letters that are there now, oldest first, some at a time."""
        if numbers is None:
            async for page in self._letters.pages(loop, fingerprint):
                yield page
            return
        ordered = sorted(numbers)
        for at in range(0, len(ordered), STEP):
            found: list[DeadLetter] = []
            for number in ordered[at : at + STEP]:
                newest = await self._letters.page(loop, fingerprint, before=number + 1, limit=1)
                found += [letter for letter in newest if letter.number == number]
            yield found

    def _revealed(self, letters: Sequence[DeadLetter]) -> tuple[list[DeadLetter], list[str]]:
        found, missing = [], []
        for letter in letters:
            try:
                found.append(with_secrets(letter, self._find_secrets))
            except SecretError as error:
                missing.append(f"letter {letter.number}: {error}")
        return found, missing

    def _why_not(self, letter: DeadLetter, from_start: bool) -> str:
        if letter.of_production:
            return f"letter {letter.number}: {OF_PRODUCTION}"
        if self._plans is None:
            return ""
        plan = self._plans.get(letter.loop)
        if plan is None:
            return f"letter {letter.number}: there is no loop {letter.loop} any more that could run it"
        return why_not(plan, letter, from_start=from_start)

    def _differs(self, letter: DeadLetter) -> str:
        plan = (self._plans or {}).get(letter.loop)
        if plan is None or letter.revision in ("", plan.revision):
            return ""
        return f"{letter.loop} failed in revision {letter.revision} and runs now in revision {plan.revision}"


def _check_own(letter: DeadLetter) -> None:
    if letter.of_production:
        raise AccessRefused(f"letter {letter.number} stays as it is: {OF_PRODUCTION}")
