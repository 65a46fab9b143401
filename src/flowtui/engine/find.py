"""Where an item is: looks for a text in all that the store and the log files hold, without holding up anybody."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import replace
from typing import Any

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.log_search import LogSearch
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.development import DevRun, Sample, Stored
from flowtui.model.errors import UnknownRun
from flowtui.model.finding import FoundPage, Hit, Looked, Wanted, Where
from flowtui.model.letters import DeadLetter
from flowtui.model.log_lines import LogLine, level_name
from flowtui.model.runs import Run
from flowtui.nodes.masking import masker
from flowtui.storage.data_store import DataStore
from flowtui.storage.item_search import HeldList
from flowtui.storage.letter_store import STEP as LETTERS_AT_ONCE
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.records import Delivery, replay_queue, trigger_queue

#: Most hits that are told of one place, and as many more in which the text is only part of a longer word.
MOST_HITS = 100
_ITEMS, _LETTERS, _SAMPLES, _LOGS = "items in queues", "dead letters", "nodes' samples", "kB of log files"
_ONE = {_ITEMS: "item in queues", _LETTERS: "dead letter", _SAMPLES: "node's samples", _LOGS: _LOGS}
#: How an item of the engine's own queues is named: letters that are replayed are found as letters.
_REPLAYS, _TRIGGER = replay_queue(""), trigger_queue("")


class _Quota:
    """How many hits of one place are told.

    Attributes:
        is_full: whether to look no further there.
        left_out: whether there are more than are told.
    """

    def __init__(self) -> None:
        self.left_out = False
        self._told = {True: 0, False: 0}

    @property
    def is_full(self) -> bool:
        return self._told[True] >= MOST_HITS

    def take(self, hits: Iterable[Hit]) -> list[Hit]:
        """Return those that are told."""
        told = []
        for hit in hits:
            if self._told[hit.is_whole] < MOST_HITS:
                self._told[hit.is_whole] += 1
                told.append(hit)
            else:
                self.left_out = True
        return told


class Finder:
    """One search. Whoever no longer wants it stops asking for pages."""

    def __init__(self, store: DataStore, plans: Iterable[ExecutionPlan], logs: LogSearch, text: str) -> None:
        """Look for `text` in a store, for the loops of these plans, and in logs."""
        self._store = store
        self._plans = tuple(plans)
        self._logs = logs
        self._wanted = Wanted(text)
        self._looked: dict[str, Looked] = {}
        self._full: dict[str, None] = {}
        self._unread: list[str] = []

    async def pages(self) -> AsyncIterator[FoundPage]:
        """Yield what is found as it is found, the places in which an item is now first.

        Raises:
            StoreUnavailable, StoreError: if the store does not answer, or refuses.
        """
        search = self._store.item_search()
        names = [name for name in await self._store.queue_admin().names() if not name.startswith(_REPLAYS)]
        lists = await search.lists(names)
        await self._count(lists)
        # What is taken out of its queue while one looks at the others is in flight afterwards.
        parts = [self._in_lists(lists), self._in_flight(names), self._runs(), self._letters()]
        for part in (*parts, self._samples(), self._lines()):
            async for hits in part:
                yield FoundPage(tuple(hits), tuple(self._looked.values()), tuple(self._full), tuple(self._unread))
                if is_cancelled():  # the Redis client may have swallowed it
                    raise asyncio.CancelledError

    async def _count(self, lists: Sequence[tuple[HeldList, int]]) -> None:
        letters = sum([await each.count() for each in self._desks()])
        self._note(_ITEMS, 0, sum(length for _, length in lists))
        self._note(_LETTERS, 0, letters)
        self._note(_SAMPLES, 0, sum(len(plan.nodes) for plan in self._plans))

    def _note(self, noun: str, more: int, total: int | None = None) -> None:
        """Take note that so many more were looked at; there may be more of them than there were at first."""
        before = self._looked.get(noun, Looked(noun, _ONE[noun], 0, 0))
        done = before.done + more
        self._looked[noun] = Looked(noun, _ONE[noun], done, max(done, before.total if total is None else total))

    def _settle(self, noun: str) -> None:
        """Take note that nothing of it is left to look at; there may be less than there was at first."""
        if (looked := self._looked.get(noun)) is not None:
            self._looked[noun] = replace(looked, total=looked.done)

    def _desks(self) -> list[LetterStore]:
        production = self._store.production_letters()
        return [self._store.dead_letters(), *([production] if production is not None else [])]

    # ---- queues ----

    async def _in_lists(self, lists: Sequence[tuple[HeldList, int]]) -> AsyncIterator[list[Hit]]:
        for held, _ in lists:
            async for looked, hits in self._slices(held):
                self._note(_ITEMS, looked)
                yield hits
        self._settle(_ITEMS)
        yield []

    async def _in_flight(self, names: Sequence[str]) -> AsyncIterator[list[Hit]]:
        """Look once more at what is in flight, which is never much."""
        for held, _ in await self._store.item_search().lists(names):
            if held.owner:
                async for _, hits in self._slices(held):
                    yield hits

    async def _slices(self, held: HeldList) -> AsyncIterator[tuple[int, list[Hit]]]:
        """Yield how many items of a list were looked at, and what was found."""
        search, quota, seen = self._store.item_search(), _Quota(), 0
        while True:
            began = time.monotonic()
            part = await search.look(held, self._wanted.needles, seen)
            seen += part.looked
            yield part.looked, quota.take(self._item(held, ahead, found) for ahead, found in part.found)
            if not part.looked or quota.is_full:
                break
            # As long again for all others who use the store.
            await asyncio.sleep(time.monotonic() - began)
        if quota.left_out or seen < part.length:
            self._full[f"{held.queue} → {held.group}" if held.group else held.queue] = None

    def _item(self, held: HeldList, ahead: int, found: Delivery) -> Hit:
        item = found.item
        text = _readable(item.payload)
        if not self._wanted.is_in(text) and not self._wanted.names(item.id):
            text = f"trace {item.trace}: {text}"  # which alone holds it
        shown, is_whole = self._shown(text, item.id, item.trace)
        is_run = held.queue.startswith(_TRIGGER)
        return Hit(
            Where.IN_FLIGHT if held.owner else Where.WAITING,
            item.id,
            found.enqueued_ms / 1000,
            shown,
            is_whole,
            trace=item.trace,
            queue="" if is_run else held.queue,
            loop=held.group or (held.queue.removeprefix(_TRIGGER) if is_run else ""),
            holder=held.holder if held.owner else "",
            ahead=ahead,
            tries=found.tries,
        )

    # ---- runs and letters ----

    async def _runs(self) -> AsyncIterator[list[Hit]]:
        """Look for a run of this id: runs are kept by their ids alone."""
        try:
            run = await self._store.runs().find(self._wanted.text)
        except UnknownRun:
            return
        yield [_run_hit(run, self._shown(_as_text(run.input), run.id)[0])]

    async def _letters(self) -> AsyncIterator[list[Hit]]:
        for desk in self._desks():
            before: int | None = None
            quota = _Quota()
            while not quota.is_full and (page := await desk.page(before=before, limit=LETTERS_AT_ONCE)):
                self._note(_LETTERS, len(page))
                yield quota.take(hit for letter in page if (hit := self._letter(letter)) is not None)
                before = page[-1].number
            if quota.left_out or quota.is_full:
                self._full[_LETTERS] = None
        self._settle(_LETTERS)

    def _letter(self, letter: DeadLetter) -> Hit | None:
        texts = [_as_text(letter.payload), letter.message]
        texts += [] if letter.item is None else [_as_text(letter.item)]
        names = (letter.id, letter.trace, letter.data_id)
        if not self._wanted.is_in(*texts) and not self._wanted.names(*names):
            return None
        text = next((text for text in texts if self._wanted.is_in(text)), texts[0])
        shown, is_whole = self._shown(text, *names, *texts)
        states = [letter.error, "being replayed" if letter.replaying else ""]
        states.append("of production" if letter.of_production else "")
        return Hit(
            Where.DEAD,
            letter.id,
            letter.failed_at,
            shown,
            is_whole,
            trace=letter.trace,
            queue=letter.queue,
            loop=letter.loop,
            node=letter.node,
            letter=letter.number,
            of_production=letter.of_production,
            note=", ".join(filter(None, states)),
        )

    # ---- samples and what development keeps ----

    async def _samples(self) -> AsyncIterator[list[Hit]]:
        samples, quota = self._store.samples(), _Quota()
        for plan in self._plans:
            hits: list[Hit] = []
            for node in plan.nodes:
                found = (self._sample(sample) for sample in await samples.newest(plan.loop, node.id))
                hits += [hit for hit in found if hit is not None]
            for runs in (await self._store.development().outputs(plan.loop, plan.ports.items())).values():
                hits += [hit for run in runs if (hit := self._kept(run)) is not None]
            self._note(_SAMPLES, len(plan.nodes))
            yield quota.take(hits)
            if quota.left_out:
                self._full["samples"] = None

    def _sample(self, sample: Sample) -> Hit | None:
        data = (_as_text(each.payload) for each in (sample.input, sample.output) if each is not None)
        texts = [*data, sample.error]
        ids = [sample.item, *(each.id for each in (sample.input, sample.output) if each is not None)]
        if not self._wanted.is_in(*texts) and not self._wanted.names(*ids):
            return None
        text = next((text for text in texts if self._wanted.is_in(text)), texts[0])
        shown, is_whole = self._shown(text, *ids, *texts)
        note = "failed" if sample.error else "" if sample.output is not None else "dropped"
        return Hit(
            Where.PASSED,
            sample.item,
            sample.at,
            shown,
            is_whole,
            loop=sample.loop,
            node=sample.node,
            note=note,
            sample=sample,
        )

    def _kept(self, run: DevRun) -> Hit | None:
        output = run.output or Stored({})
        text = _as_text(output.payload)
        if not self._wanted.is_in(text) and not self._wanted.names(output.id):
            return None
        shown, is_whole = self._shown(text, output.id)
        return Hit(
            Where.KEPT, output.id, run.at, shown, is_whole, loop=run.loop, node=run.node, note="output in development"
        )

    # ---- log ----

    async def _lines(self) -> AsyncIterator[list[Hit]]:
        seen: set[tuple[float, str]] = set()  # the newest lines of the ring are in the files too
        quota = _Quota()
        try:
            async for page in self._logs.pages(self._wanted):
                if page.total_kb:
                    self._looked[_LOGS] = Looked(_LOGS, _LOGS, page.done_kb, page.total_kb)
                fresh = [line for line in page.lines if (line.time, line.message) not in seen]
                hits = quota.take(map(self._line, fresh))
                seen.update((line.time, line.message) for line in fresh[:MOST_HITS])
                yield hits
                if quota.is_full:
                    break
        except OSError as error:
            self._unread.append(f"log files cannot be read: {error.strerror or error}: {error.filename}")
        if quota.left_out or quota.is_full:
            self._full["the log"] = None
        self._settle(_LOGS)
        yield []

    def _line(self, line: LogLine) -> Hit:
        shown, is_whole = self._shown(line.message, line.item)
        level = level_name(line.level)
        return Hit(Where.LOGGED, line.item, line.time, shown, is_whole, loop=line.loop, node=line.node, note=level)

    def _shown(self, text: str, *others: str) -> tuple[str, bool]:
        """Return a line of a text, without known secrets, and whether the hit stands for itself there or in others."""
        return self._wanted.excerpt(masker.mask(text)), self._wanted.is_whole_in(text, *others)


def _run_hit(run: Run, shown: str) -> Hit:
    at = run.ended_at or run.started_at or run.asked_at
    return Hit(Where.RUN, run.id, at, shown, trace=run.id, loop=run.loop, note=f"run {run.state}")


def _readable(payload: bytes) -> str:
    """Return a payload as a person reads it; one that is no JSON as it is."""
    text = payload.decode("utf-8", "backslashreplace")
    if "\\u" not in text:
        return text
    try:
        return _as_text(json.loads(text))
    except ValueError:
        return text


def _as_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=repr)
