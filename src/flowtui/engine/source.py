"""Where a track's items come from: its own producer node, or a queue."""

from __future__ import annotations

import asyncio
import copy
import json
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Any, Protocol

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.execute import Step, author_traceback, describe, hop, in_one_line, in_words
from flowtui.engine.iteration import BatchIteration, Iteration
from flowtui.engine.logs import Attribution, current_place
from flowtui.engine.telemetry import WaitingFor
from flowtui.model.data import Meta, NodeData, Unreadable, why_no_json
from flowtui.model.errors import NodeError
from flowtui.model.ids import new_id
from flowtui.nodes.base import Exhausted, ProducerNode
from flowtui.storage.records import Delivery
from flowtui.workflow.schema import BatchOptions

if TYPE_CHECKING:  # a process that runs single nodes has no use for a store
    from flowtui.engine.commits import Commits

_LARGEST_BATCH = 256
_JSON = json.JSONDecoder()
#: A track holds about this much of its own work, so that its siblings are not left without.
_AHEAD_S = 0.1
_SHORTEST_REST_S = 0.001
_LONGEST_REST_S = 0.1
_FIRST_RETRY_S = 0.5
_LONGEST_RETRY_S = 30.0


class TrackSource(Protocol):
    """What a runner needs of either source.

    Attributes:
        waited: whether the last `take` has waited for the store.
    """

    waited: bool

    async def take(self) -> Iteration | None:
        """Return the next item, whose iteration is the current place, or None to be asked again at once.

        Raises:
            Exhausted: nothing will ever come again.
        """

    def interrupt(self) -> None:
        """Make a `take` that only waits return None."""

    def discard(self) -> None:
        """Forget what was fetched and not taken; it has gone back, or will."""


class NodeSource:
    """Items that the loop's producer makes."""

    waited = False

    def __init__(
        self,
        step: Step,
        loop: str,
        revision: str,
        executor: Executor,
        waiting: WaitingFor,
        refuse: Callable[[Iteration], None],
    ) -> None:
        """`refuse` files a dead letter for what the producer has found unreadable."""
        assert isinstance(step.node, ProducerNode)
        self._step = step
        self._counters = step.counters
        self._node = step.node
        self._meta = Meta(origin=loop, revision=revision)
        self._executor = executor
        self._waiting = waiting
        self._waits = False  # whether people see what it waits for
        waiting.clear(WaitingFor.INPUT)  # of the life before
        self._refuse = refuse
        self._rest = 0.0
        self._retry = 0.0
        self._said = ""
        self._misuse: NodeError | None = None
        self._saved_cursor: Any = copy.deepcopy(self._node.cursor)  # the author may change it in place

    async def take(self) -> Iteration | None:
        step, counters = self._step, self._counters
        it = Iteration(step.attribution)
        current_place.set(it)
        counters.running = 1
        try:
            result = await (step.call() if step.is_async else self._in_thread())
            if result is not None:
                it.item = id = new_id() if type(result) is dict else self._id_of(result)
                it.data = NodeData(result, id, self._meta)
                if self._node.cursor is not None and (cursor := self.new_cursor()) is not None:
                    it.save_cursor(cursor)
                counters.runs += 1
                self._retry = self._rest = 0.0
                if self._waits:
                    self._wait_no_longer()
                if type(result) is Unreadable:
                    it.unreadable = result.reason
                    self._refuse(it)
                return it
        except Exhausted:
            raise
        except asyncio.CancelledError:
            if is_cancelled():
                raise
            await self.failed(NodeError(f"{step.id} was cancelled from inside"))
        except BaseException as error:  # an author's error, SystemExit too, must not end the engine
            if error is self._misuse:
                raise
            await self.failed(error)
        else:
            await self._nothing_now()
        finally:
            counters.running = 0
        return None

    async def _in_thread(self) -> Any:
        # A plain `def` may wait for minutes, and commits must go out meanwhile.
        call = asyncio.ensure_future(hop(self._executor, self._step.in_thread, self._step.call))
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            if call.done():
                raise
            # The thread cannot be cancelled, and what it takes meanwhile would be lost: the grace is for that too.
            await asyncio.wait([call])
            if call.exception() is not None or call.result() is None:
                raise
            return call.result()

    def _id_of(self, result: Any) -> str:
        if not isinstance(result, Mapping):
            raise NodeError(
                f"{in_words(self._step)} returned {type(result).__name__}; return one item, as a mapping or NodeData, "
                "or None if there is nothing now"
            )
        given = result.id if isinstance(result, NodeData) else ""
        return given or new_id()

    def new_cursor(self) -> bytes | None:
        """Return the producer's cursor as JSON if it has changed since the last call, else None.

        Raises:
            NodeError: if it is no JSON, or the producer may have none.
        """
        cursor = self._node.cursor
        if cursor is None:
            return None
        if self._node.replicable:
            # Several tracks would each save theirs over the others'; trying again mends nothing.
            self._misuse = NodeError(
                f"{in_words(self._step)} sets self.cursor, but its class says replicable = True "
                f"and its tracks would overwrite each other's: remove one of the two"
            )
            raise self._misuse
        if cursor == self._saved_cursor:
            return None
        try:
            text = json.dumps(cursor, allow_nan=False).encode()
        except (TypeError, ValueError) as error:
            why = why_no_json(cursor, "self.cursor") or f"self.cursor is no JSON: {error}"
            raise NodeError(f"{in_words(self._step)}: {why}") from None
        self._saved_cursor = json.loads(text)
        return text

    async def _nothing_now(self) -> None:
        # A producer that polls without waiting must not eat the event loop.
        self._counters.running = 0
        self._retry = 0.0
        if self._node.waiting:
            self._waiting.set(WaitingFor.INPUT, f"{self._step.id}: {self._node.waiting}")
            self._waits = True
        elif self._waits:
            self._wait_no_longer()
        await asyncio.sleep(self._rest)
        self._rest = min(max(self._rest * 2, _SHORTEST_REST_S), _LONGEST_REST_S)

    def _wait_no_longer(self) -> None:
        self._waits = False
        self._waiting.clear(WaitingFor.INPUT)

    async def failed(self, error: BaseException) -> None:
        """Say that the producer has raised, and wait until it may be asked again."""
        self._counters.running = 0
        self._counters.failed(describe(error))
        self._retry = min(max(self._retry * 2, _FIRST_RETRY_S), _LONGEST_RETRY_S)
        said = in_one_line(error)
        trace = "" if said == self._said else f"\n{author_traceback(error)}"
        self._said = said
        self._step.node.log.error("%s; asked again in %.1f s%s", said, self._retry, trace)
        self._waiting.set(WaitingFor.INPUT, f"{self._step.id} failed: {describe(error)}")
        try:
            await asyncio.sleep(self._retry)
        finally:
            self._wait_no_longer()

    def interrupt(self) -> None:
        """A producer is left waiting: what it yields later is held until the loop goes on."""

    def discard(self) -> None:
        """A producer is asked for one item at a time: there is nothing to forget."""


class QueueSource:
    """Items that other loops pushed, fetched in batches that hold about a tenth of a second of work."""

    waited = False

    def __init__(self, step: Step, commits: Commits, bell: asyncio.Event, waiting: WaitingFor) -> None:
        """`bell` is set when there may be something in the queue."""
        self._step = step
        self._commits = commits
        self._waiting = waiting
        self._waiting_text = "no input"
        self._fetched: deque[Delivery] = deque()
        self._bell = bell
        self._alone = False
        self._batch_began = 0.0
        self._batch_size = 0
        self._limit = 1
        self._clock = asyncio.get_running_loop().time

    async def take(self) -> Iteration | None:
        if not self._fetched and not await self._fetch():
            return None
        it = _opened(self._fetched.popleft(), self._step.attribution)
        current_place.set(it)
        return it

    async def _fetch(self) -> bool:
        """Fetch when all that was fetched is taken; return False if there was nothing, and it has waited for more."""
        if self._alone:
            # It may be what kills its readers: nothing else shall be in flight with it.
            await self._commits.all_done()
            self._alone = False
        self._bell.clear()
        self._fetched.extend(await self._commits.fetch(self._most()))
        self.waited = True
        if not self._fetched:
            await self._wait()
            return False
        self._batch_began, self._batch_size = self._clock(), len(self._fetched)
        self._alone = self._fetched[0].tries > 1
        return True

    async def _wait(self) -> None:
        self._waiting.set(WaitingFor.INPUT, self._waiting_text)
        try:
            await self._bell.wait()
        finally:
            self._waiting.clear(WaitingFor.INPUT)

    def _most(self) -> int:
        """Return how many items to fetch now."""
        if self._batch_size:
            each = (self._clock() - self._batch_began) / self._batch_size
            fitting = int(_AHEAD_S / each) if each > 0 else _LARGEST_BATCH
            self._limit = max(1, min(fitting, self._limit * 2, _LARGEST_BATCH))
            self._batch_size = 0
        return self._limit

    def interrupt(self) -> None:
        self._bell.set()

    def discard(self) -> None:
        self._fetched.clear()
        self._batch_size = 0


class BatchSource(QueueSource):
    """As `QueueSource`, but an iteration takes several items: as many as a batch may have, or came within its age.

    What was handed out before is a batch of its own, and what cannot be read is in none.
    """

    def __init__(
        self, step: Step, commits: Commits, bell: asyncio.Event, waiting: WaitingFor, batch: BatchOptions
    ) -> None:
        super().__init__(step, commits, bell, waiting)
        self._size = batch.size
        self._age = batch.age
        self._held: list[Iteration] = []
        self._due = 0.0

    async def take(self) -> Iteration | None:
        while not self._is_due():
            if not self._fetched and not await self._fetch():
                return None
            it = _opened(self._fetched[0], self._step.attribution)
            if self._held and (self._alone or it.unreadable):
                break
            self._fetched.popleft()
            if it.unreadable:
                current_place.set(it)
                return it
            self._hold(it)
            if self._alone:
                break
        batch = BatchIteration(self._step.attribution, self._held)
        self._let_go()
        current_place.set(batch)
        return batch

    def _is_due(self) -> bool:
        held = len(self._held)  # which a `discard` while it fetched has emptied
        return held >= self._size or (held > 0 and self._clock() >= self._due)

    def _hold(self, it: Iteration) -> None:
        if not self._held:
            self._due = self._clock() + self._age
        self._held.append(it)
        self._commits.held = len(self._held)

    def _let_go(self) -> None:
        self._held = []
        self._commits.held = 0

    def _most(self) -> int:
        return self._size - len(self._held)

    async def _wait(self) -> None:
        if not self._held:
            await super()._wait()
            return
        self._waiting.set(WaitingFor.INPUT, f"{len(self._held)} of {self._size} items")
        try:
            async with asyncio.timeout_at(self._due):
                await self._bell.wait()
        except TimeoutError:
            pass
        finally:
            self._waiting.clear(WaitingFor.INPUT)

    def discard(self) -> None:
        super().discard()
        self._let_go()


def _from_json(payload: bytes) -> Any:
    # A third of the time of `json.loads`, which guesses the encoding and looks for spaces around.
    text = payload.decode()
    try:
        value, end = _JSON.raw_decode(text)
    except ValueError:
        end = -1
    return value if end == len(text) else _JSON.decode(text)


def _opened(delivery: Delivery, owner: Attribution) -> Iteration:
    (id, text, trace, origin), tries, _ = delivery
    it = Iteration(owner, queued=1)
    payload: Any = None
    try:
        payload = _from_json(text)
    except (ValueError, RecursionError) as error:
        it.unreadable = f"payload is no JSON: {error}"
    else:
        if type(payload) is not dict:
            it.unreadable = f"payload is a JSON {type(payload).__name__}, not an object"
    if it.unreadable:
        payload = {"raw": text.decode("utf-8", "backslashreplace")}
    it.item = id
    it.data = NodeData(payload, id, Meta(trace, origin, tries))
    return it
