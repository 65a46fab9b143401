"""`LetterStore`: the dead letters as the tasks of one event loop see them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flowtui.model.errors import LetterChanged, UnknownLetter
from flowtui.model.ids import new_id
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.storage.calls import StoreCalls
from flowtui.storage.letter_text import read_letter
from flowtui.storage.records import Item, encode, escape, replay_queue, unescape

#: What rings when replays were requested, whichever loop they are for.
REPLAYS_BELL = "~replays"
#: Most letters that one call of a script reads, removes or replays, so that it never holds up the others for long.
STEP = 200
#: A page ends before it holds more bytes than this.
PAGE_BYTES = 1_000_000

NO_QUEUES: Mapping[str, str] = {}

#: What an item of a replay queue says when all of its iteration is to run again.
_FROM_START = b'{"from":"start"}'
_FROM_NODE = b'{"from":"node"}'


class LetterStore:
    """Reads, changes and replays dead letters; all tasks of one event loop may share it.

    Letters are chosen by `loop`, all if empty, and `fingerprint`, all if empty. What concerns many letters is done in
    steps, between which others have their turn.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls, *, of_production: bool = False) -> None:
        """`of_production`: whether these are letters of the production beside which an engine develops."""
        self._of_production = of_production
        self._client = calls.client
        self._namespace = calls.namespace
        self._bells = calls.bells
        self._run = calls.run
        self._answer = calls.answer

    # ---- reading ----

    async def groups(self, after: int | None = None) -> list[DeadLetterGroup]:
        """Return the groups of letters, the one with the newest letter first; reads no letter.

        Letters with a number above `after` are counted as new; None for no such count.
        """
        latest = await self._answer(self._client.hgetall(f"{self._namespace}:dead-latest"))
        if not latest:
            return []
        fields = list(latest)
        pipe = self._client.pipeline(transaction=False)
        pipe.hmget(f"{self._namespace}:dead-first", fields)
        newer = "+inf" if after is None else f"({after}"
        for field in fields:
            loop, _, _, fingerprint = json.loads(field)
            key = f"{self._namespace}:dead:{escape(loop)}:{fingerprint}"
            pipe.zcard(key)
            pipe.zcount(key, newer, "+inf")
        first, *counts = await self._answer(pipe.execute())
        groups = []
        for field, first_at, count, new in zip(fields, first, counts[::2], counts[1::2], strict=True):
            loop, node, error, fingerprint = json.loads(field)
            message, last_at = json.loads(latest[field])
            if count:  # else it went between the two calls
                began = json.loads(first_at or b"0")
                told = (loop, node, error, message, count, last_at, began, fingerprint)
                groups.append(DeadLetterGroup(*told, self._of_production, new))
        return sorted(groups, key=lambda group: -group.last_at)

    async def count(self, loop: str = "", fingerprint: str = "") -> int:
        """Return how many letters there are."""
        groups = await self.groups()
        return sum(group.count for group in groups if _is_in(group, loop, fingerprint))

    async def last_number(self) -> int:
        """Return the number of the letter that was filed last, be it gone by now; 0 before the first one."""
        return int(await self._answer(self._client.get(f"{self._namespace}:letter-number")) or 0)

    async def replaying(self, loop: str) -> int:
        """Return how many letters of a loop wait to be run again, or are run again just now."""
        return int(await self._run("letter_replaying", escape(loop)))

    async def page(
        self, loop: str = "", fingerprint: str = "", *, before: int | None = None, limit: int = 100
    ) -> list[DeadLetter]:
        """Return the newest letters with a number below `before`, newest first; an empty page is the last.

        A page holds at most `limit` letters, and about a megabyte.
        """
        return await self._page(loop, fingerprint, "newest", "-inf", "+inf" if before is None else f"({before}", limit)

    async def pages(self, loop: str = "", fingerprint: str = "") -> AsyncIterator[list[DeadLetter]]:
        """Yield all letters that are there now, oldest first, a page at a time."""
        last = await self.last_number()
        after: int | str = "-inf"
        while page := await self._page(loop, fingerprint, "oldest", after, last, STEP):
            yield page
            after = f"({page[-1].number}"

    async def find(self, number: int, loop: str = "") -> DeadLetter:
        """Return a letter; without its loop it is looked for in all.

        Raises:
            UnknownLetter: if it is not there.
        """
        found = await self.page(loop, before=number + 1, limit=1)
        if not found or found[0].number != number:
            where = f" of {loop}" if loop else ""
            raise UnknownLetter(f"there is no dead letter {number}{where}; it may have been replayed or purged")
        return found[0]

    # ---- changing ----

    async def edit(
        self, letter: DeadLetter, *, payload: dict[str, Any] | None = None, item: dict[str, Any] | None = None
    ) -> DeadLetter:
        """Give a letter another payload for the failed node, another whole item, or both; return the new letter.

        Raises:
            UnknownLetter: if it is gone.
            LetterChanged: if it was edited since it was read, or is being replayed.
        """
        # The item first, as what is hidden in it may be known from the payload as it was.
        edited = letter if item is None else letter.edited("item", item)
        edited = edited if payload is None else edited.edited("payload", payload)
        status = await self._run("letter_edit", escape(letter.loop), letter.number, letter.edits, edited.to_json())
        if status == b"CHANGED":
            raise LetterChanged(f"letter {letter.number} was edited by somebody else meanwhile: look at it again")
        if status != b"OK":
            raise _refusal(status, letter)
        return replace(edited, edits=letter.edits + 1, note="")

    async def purge(self, loop: str = "", fingerprint: str = "") -> int:
        """Remove the letters that are there now, also those that wait to be replayed; return how many."""
        last = await self.last_number()
        removed = 0
        for name, group in await self._chosen(loop, fingerprint):
            first: Any = "-inf"
            while first:
                count, after = await self._run("letter_purge", escape(name), group, first, last, STEP)
                removed += count
                first = after and b"(" + after
        return removed

    async def remove(self, letter: DeadLetter) -> bool:
        """Remove one letter; return whether it was still there."""
        count, _ = await self._run("letter_purge", escape(letter.loop), "", letter.number, letter.number, 2)
        return bool(count)

    # ---- replaying ----

    async def replay(
        self, letters: Sequence[DeadLetter], *, from_start: bool = False, queues: Mapping[str, str] = NO_QUEUES
    ) -> ReplayAnswer:
        """Have letters run again, each from its failed node, or all of its iteration from the start.

        From the start, an item of a queue goes back to the end of what waits for its loop there, and its letters are
        gone. All others, batches too, stay until a replay track of their loop has committed what they still have to do;
        letters that one item has left are replayed together if it is from the start.

        Args:
            queues: that loops read, for letters that do not say it.
        """
        answer = ReplayAnswer()
        done: set[int] = set()  # what is replayed together with one before
        for at in range(0, len(letters), STEP):
            refused: list[str] = []
            ready: dict[tuple[str, str], list[DeadLetter]] = {}  # by loop and the queue that the items go back to
            for letter in letters[at : at + STEP]:
                if why := letter.why_not(from_start=from_start):
                    refused.append(why)
                elif letter.number not in done:
                    done.update(letter.companions if from_start else ())
                    goes_back = from_start and not letter.batch
                    target = (letter.queue or queues.get(letter.loop, "")) if goes_back else ""
                    ready.setdefault((letter.loop, target), []).append(letter)
            answer += ReplayAnswer(refused=tuple(refused))
            for (_, target), group in ready.items():
                answer += await (self._requeue(group, target) if target else self._request(group, from_start))
        return answer

    async def _requeue(self, letters: Sequence[DeadLetter], queue: str) -> ReplayAnswer:
        arguments: list[Any] = []
        for letter in letters:
            item = Item(letter.id, _as_json(letter.whole), letter.trace, letter.origin)
            arguments += (letter.number, letter.companions.start, letter.of, encode(item))
        loop, name = escape(letters[0].loop), escape(queue)
        statuses = await self._run("letter_requeue", loop, name, *arguments, ring=(name,))
        refused = tuple(
            f"letter {letter.number}: {letter.loop} does not read {queue}, so its item cannot go back there"
            if status == b"UNREAD"
            else str(_refusal(status, letter))
            for letter, status in zip(letters, statuses, strict=True)
            if status != b"OK"
        )
        return ReplayAnswer(requeued=len(letters) - len(refused), refused=refused)

    async def _request(self, letters: Sequence[DeadLetter], from_start: bool) -> ReplayAnswer:
        loop = letters[0].loop
        arguments: list[Any] = []
        for letter in letters:
            trace = new_id()
            item = Item(str(letter.number), _FROM_START if from_start else _FROM_NODE, trace, loop)
            together = letter.companions if from_start else range(letter.number, letter.number + 1)
            arguments += (letter.number, together.start, len(together), trace, encode(item))
        bells = (escape(replay_queue(loop)), REPLAYS_BELL)
        statuses = await self._run("letter_replay", escape(loop), *arguments, ring=bells)
        refused = tuple(
            str(_refusal(status, letter)) for letter, status in zip(letters, statuses, strict=True) if status != b"OK"
        )
        return ReplayAnswer(queued=len(letters) - len(refused), refused=refused)

    # ---- for those who run replays ----

    def doorbell(self) -> asyncio.Event:
        """Return the event that is set when replays may have been requested; always the same one."""
        return self._bells.bell(REPLAYS_BELL, "")

    async def pending(self) -> list[str]:
        """Return the loops of which replays wait."""
        return [unescape(loop.decode()) for loop in await self._run("letter_pending")]

    async def requested(self, loop: str, item: Item) -> DeadLetter | None:
        """Return the letter that an item of a replay queue stands for; None if it is gone or waits anew."""
        row = await self._run("letter_requested", escape(loop), item.id, item.trace)
        return read_letter(row) if row else None

    async def release(self, letter: DeadLetter, item: Item, why: str) -> None:
        """Have a letter wait no longer for the replay that `item` stands for, as it cannot be run, and note why."""
        together = letter.companions if is_from_start(item) else range(letter.number, letter.number + 1)
        arguments = (letter.number, together.start, len(together), item.trace, why)
        await self._run("letter_release", escape(letter.loop), *arguments)

    async def _page(
        self, loop: str, fingerprint: str, which: str, first: int | str, last: int | str, limit: int
    ) -> list[DeadLetter]:
        chosen = await self._chosen(loop, fingerprint)
        if not chosen or limit < 1:
            return []
        arguments = [name for loop, group in chosen for name in (escape(loop), group)]
        rows = await self._run("letter_page", which, first, last, min(limit, STEP), PAGE_BYTES, *arguments)
        return [replace(read_letter(row), of_production=self._of_production) for row in rows]

    async def _chosen(self, loop: str, fingerprint: str) -> list[tuple[str, str]]:
        """Return loop and fingerprint of all that is chosen."""
        if loop:
            return [(loop, fingerprint)]
        fields = await self._answer(self._client.hkeys(f"{self._namespace}:dead-latest"))
        groups = [json.loads(field) for field in fields]
        return sorted({(group[0], fingerprint) for group in groups if fingerprint in ("", group[3])})


def is_from_start(item: Item) -> bool:
    """Tell whether an item of a replay queue wants the whole iteration to run again."""
    return item.payload == _FROM_START


def _is_in(group: DeadLetterGroup, loop: str, fingerprint: str) -> bool:
    return loop in ("", group.loop) and fingerprint in ("", group.fingerprint)


def _as_json(payload: dict[str, Any]) -> bytes:
    return json.dumps(payload, separators=(",", ":")).encode()


def _refusal(status: bytes, letter: DeadLetter) -> UnknownLetter | LetterChanged:
    if status == b"BUSY":
        return LetterChanged(f"letter {letter.number} is being replayed: wait until that has ended, or purge it")
    return UnknownLetter(f"there is no dead letter {letter.number} of {letter.loop} any more")
