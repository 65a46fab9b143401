"""Follows replays of dead letters to their end: how many are left, how many have failed again."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.tui import format as fmt
from flowtui.tui.letter_list import Choice

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: How often to look, in seconds.
_LOOK_S = 0.25
_PAGE = 100


class Say(Protocol):
    """Shows a notice, for `timeout` seconds if given."""

    def __call__(self, text: str, severity: str = "information", timeout: float | None = None) -> None: ...


def tell_replay(say: Say, loop: str, answer: ReplayAnswer) -> None:
    """Say how many letters of a loop are to be replayed, and why others are not."""
    if answer.requeued:
        back = "is" if answer.requeued == 1 else "are"
        say(f"{loop}: {fmt.plural(answer.requeued, 'item')} {back} back at the end of the queue")
    if answer.queued or not (answer.refused or answer.requeued):
        say(f"{loop}: {fmt.plural(answer.queued, 'dead letter')} to be replayed")
    if answer.refused:
        count = len(answer.refused)
        stay = "stays as it is" if count == 1 else "stay as they are"
        say(f"{fmt.plural(count, 'dead letter')} {stay}: {answer.refused[0]}", severity="warning")


@dataclass
class _Replay:
    """Letters of one loop that are being replayed.

    Attributes:
        after: the number of the loop's newest letter before they were.
        asked: what was asked to be replayed.
    """

    after: int
    total: int = 0
    left: int = 0
    asked: list[Choice] = field(default_factory=list)


class ReplayWatch:
    """All replays that were asked for here, whichever screen is shown."""

    def __init__(
        self,
        client: EngineClient,
        run: Callable[[Coroutine[Any, Any, None]], object],
        say: Say,
        then: Callable[[], None],
    ) -> None:
        """`run` runs a coroutine in the background; `then` is called when there is something new to be shown."""
        self._client = client
        self._run = run
        self._say = say
        self._then = then
        self._replays: dict[str, _Replay] = {}
        self._asks = 0  # of a large group that takes a moment

    @property
    def loops(self) -> frozenset[str]:
        """The loops of which letters are being replayed."""
        return frozenset(self._replays)

    @property
    def words(self) -> str:
        """How far they are: `replaying 12 of 40 …`; empty if there are none."""
        total = sum(each.total for each in self._replays.values())
        left = sum(each.left for each in self._replays.values())
        if self._replays:
            return f"replaying {total - left:,} of {total:,} …"
        return "handing letters over to be replayed …" if self._asks else ""

    def ask(self, chosen: Choice, *, from_start: bool) -> None:
        """Have letters run again from the node that failed, or all of their iterations."""
        self._run(self._ask(chosen, from_start))

    async def _ask(self, chosen: Choice, from_start: bool) -> None:
        loop = chosen.group.loop
        self._asks += 1
        try:
            newest = await asyncio.wrap_future(self._client.dead_letters(loop, limit=1))
            answer = await asyncio.wrap_future(
                self._client.replay_all(loop, chosen.group.fingerprint, numbers=chosen.numbers, from_start=from_start)
            )
        except FlowtuiError as error:
            self._say(str(error), severity="error")
            return
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            return
        finally:
            self._asks -= 1
        tell_replay(self._say, loop, answer)
        self._then()
        if not answer.queued:
            return
        is_first = loop not in self._replays
        known = self._replays.setdefault(loop, _Replay(newest[0].number if newest else 0))
        known.total += answer.queued
        known.left += answer.queued
        known.asked.append(chosen)
        if is_first:
            await self._follow(loop, known)

    async def _follow(self, loop: str, replay: _Replay) -> None:
        try:
            while replay.left:
                await asyncio.sleep(_LOOK_S)
                await self._look(loop, replay)
                self._then()
            del self._replays[loop]
            failed, notes = await self._outcome(loop, replay)
        except FlowtuiError as error:
            self._say(str(error), severity="error")
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            return
        else:
            self._tell_end(loop, replay.total, failed, notes)
        self._then()

    async def _look(self, loop: str, replay: _Replay) -> None:
        try:
            replay.left = await asyncio.wrap_future(self._client.replaying(loop))
        except FlowtuiError:  # the store is away, which every screen tells; later is time enough
            return
        replay.total = max(replay.total, replay.left)

    def _tell_end(self, loop: str, total: int, failed: int, notes: list[str]) -> None:
        letters = fmt.plural(total, "dead letter")
        if not failed and not notes:
            self._say(f"{loop}: {letters} replayed, none failed again")
            return
        said = [f"{failed:,} failed again"] if failed else []
        said += [f"{len(notes):,} could not be run: {notes[0]}"] if notes else []
        self._say(f"{loop}: {letters} replayed, {'; '.join(said)}", severity="warning")

    async def _outcome(self, loop: str, replay: _Replay) -> tuple[int, list[str]]:
        """Return how many have failed again, and why others could not be run."""
        failed = 0
        async for letter in self._newest(loop, "", None, replay.after):
            failed += letter.replays > 0
        notes: list[str] = []
        for chosen in replay.asked:
            numbers = chosen.numbers
            before, down_to = (replay.after, 0) if numbers is None else (max(numbers), min(numbers) - 1)
            async for letter in self._newest(loop, chosen.group.fingerprint, before + 1, down_to):
                notes += [letter.note] if letter.note and (numbers is None or letter.number in numbers) else []
        return failed, notes

    async def _newest(self, loop: str, fingerprint: str, before: int | None, down_to: int) -> AsyncIterator[DeadLetter]:
        """Yield the letters with a number below `before` and above `down_to`."""
        while page := await asyncio.wrap_future(
            self._client.dead_letters(loop, fingerprint, before=before, limit=_PAGE)
        ):
            for letter in page:
                if letter.number <= down_to:
                    return
                yield letter
            before = page[-1].number
