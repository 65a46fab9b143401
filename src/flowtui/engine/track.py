"""What one running copy of a loop opens, and closes again: node instances, its place in the store, its parts."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from flowtui.engine.caching import NodeCache
from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.commits import Commits
from flowtui.engine.deadlines import Deadlines
from flowtui.engine.dedupe import Deduper
from flowtui.engine.execute import Step
from flowtui.engine.frame import log_failure, set_up, tear_down, tell_ended, tell_halted
from flowtui.engine.iteration import Iteration, Routing
from flowtui.engine.loop_secrets import LoopSecrets
from flowtui.engine.observers import connect
from flowtui.engine.replay import Replayer, ReplaySource, has_letter
from flowtui.engine.retry import retrying
from flowtui.engine.runs import RunRecorder
from flowtui.engine.sampling import Sampler, Walk
from flowtui.engine.session import Settled, StoreSession, Terms
from flowtui.engine.source import BatchSource, NodeSource, QueueSource, TrackSource
from flowtui.engine.telemetry import TrackCounters
from flowtui.engine.walk import Walker
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.errors import Cancelled, NodeError, QueueFull, StoreError, StoreUnavailable
from flowtui.model.states import Outcome
from flowtui.nodes.base import Pool, ProducerNode
from flowtui.nodes.builtin.dedupe import Dedupe
from flowtui.storage.data_store import DataStore
from flowtui.storage.queue_store import DeliveryLimit, Item, Source

#: How long a cancelled node may take to notice, in seconds.
_CANCEL_S = 2.0
#: How long the store may take to let the track go, in seconds; after that its lease ends by itself.
_LEAVE_S = 2.0
_log = logging.getLogger("flowtui.track")


class Track:
    """The parts of one running loop. `open` it before use, `close` it whatever happened.

    Attributes:
        session: its place in the store.
        commits: its iterations.
        routing: who runs next.
        walker: runs them.
        accept: takes note that an item from a queue has begun; returns False if there is nothing to run.
        walk: runs the blocking part of an iteration; the sampler may replace it at any time.
        source: where its items come from; only after `open`.
    """

    source: TrackSource

    def __init__(
        self,
        plan: ExecutionPlan,
        store: DataStore,
        counters: TrackCounters,
        secrets: LoopSecrets,
        sampler: Sampler | None,
        *,
        on_settled: Callable[[Iteration], None],
        on_progress: Callable[[], None],
        on_refused: Callable[[BaseException], None],
        on_lost_loop: Callable[[], None],
        on_filed: Callable[[int], None],
    ) -> None:
        """Make the node instances. `on_lost_loop` is called when another track may run the loop now.

        Raises:
            NodeError: if one cannot be made.
        """
        self._plan = plan
        self._store = store
        self._waiting = counters.waiting
        self._executor = ThreadPoolExecutor(plan.max_in_flight + 2, thread_name_prefix=plan.loop)
        self._set_up: list[Step] = []
        self._is_open = self._halted = self._knows_halted = False
        deadlines = Deadlines()
        folder, nodes = plan.path.parent, counters.nodes
        self.steps = [Step(node, plan.loop, folder, nodes[node.id], secrets.values) for node in plan.nodes]
        self._find_secrets = secrets.find
        self._recorder = RunRecorder(plan, store.runs(), store.dead_letters()) if plan.is_triggered else None
        for step in self.steps:
            if step.plan.retry is not None:
                step.tries = retrying(step.plan.retry, step.counters)
        connect(self.steps, self._recorder)
        for step in self.steps:
            if step.plan.timeout is not None:
                step.limit = deadlines.limit(step.plan.timeout)
            if step.plan.cache is not None:
                step.cache = NodeCache(store.cache(), step.plan, step.counters)
        self.producer = self.steps[0]
        self._alone = bool(plan.not_replicable) and not plan.is_replay
        self._on_lost_loop = on_lost_loop
        terms = Terms(
            source=Source(plan.reads, plan.loop) if plan.reads else None,
            # A letter that kills its track stays a letter.
            deliveries=DeliveryLimit(0 if plan.is_replay else plan.max_deliveries, self.producer.id),
            bounds=plan.bounds,
            alone=self._alone,
            number=counters.number,
        )
        self.session = StoreSession(store, plan.loop, terms, self._waiting, self._lost_lease, on_filed)
        for step in self.steps:
            if isinstance(step.node, Dedupe):
                step.call = Deduper(step.node, step, self.session).execute
        self.commits = Commits(self.session, counters, on_progress, on_refused, self._no_room)
        if plan.reads is None and type(self.producer.node).ended is not ProducerNode.ended:  # type: ignore[attr-defined]
            self.commits.on_end = self._tell_producer
        may_inline = plan.pool is not Pool.ASYNCIO
        self.routing = Routing(plan, log_failure)
        self.walker = Walker(self.producer, self.routing, self._executor, on_settled, may_inline=may_inline)
        self.walk = self._walk_of(self.steps)
        self.accept: Callable[[Iteration], bool] = has_letter if plan.is_replay else self._accept
        if self._recorder is not None:
            self._watch(self._recorder)
        if sampler is not None:
            sampler.begin(self.steps, self._walk_of, functools.partial(setattr, self, "walk"))

    def _walk_of(self, steps: Sequence[Step]) -> Walk:
        """Return what runs the blocking part of an iteration on these steps, which may be observed ones."""
        if self._plan.is_replay:
            return Replayer(self._plan, steps, self.routing, self.walker).walk
        if steps is self.steps:
            return self.walker.walk

        async def walk(it: Iteration) -> None:
            await self.walker.resume(self.routing.ready(steps[0], it.data, None, it), it)

        return walk

    def _watch(self, recorder: RunRecorder) -> None:
        """Have the runs of the loop's trigger recorded, each from its beginning to its commit."""
        accept = self.accept

        def begun(it: Iteration) -> bool:
            recorder.begun(it)
            return accept(it)

        self.accept = begun
        self.commits.on_end = recorder.ended
        for step in self.steps:
            if step.plan.retry is not None:
                step.tries = retrying(step.plan.retry, step.counters, functools.partial(recorder.retried, step))

    async def open(self) -> None:
        """Set up every node, the producer last; for replays not the producer.

        The session must have joined: only then the saved cursor is the last.

        Raises:
            Exception: whatever a node's `setup` raises.
        """
        main = asyncio.current_task()
        assert main is not None
        self.walker.watch(main, {s.id: s.limit for s in self.steps if s.limit is not None and s.straight})
        if self._plan.is_replay:
            letters = self._store.dead_letters()
            self.source = ReplaySource(
                self.producer, self._plan, self.commits, self.session, letters, self._find_secrets
            )
        elif self._plan.reads is not None:
            self.source = self._queue_source()
        elif isinstance(self.producer.node, ProducerNode):
            if self._alone:
                cursor = await self.session.cursor()
                self.producer.node.cursor = None if cursor is None else json.loads(cursor)
            self.source = NodeSource(
                self.producer, self._plan.loop, self._plan.revision, self._executor, self._waiting, self._refuse
            )
        for step in reversed(self.steps[1:] if self._plan.is_replay else self.steps):
            if is_cancelled():  # the Redis client or the node before has swallowed it
                raise asyncio.CancelledError
            self._set_up.append(step)
            await set_up(step)
        if isinstance(self.source, NodeSource) and (cursor := self.source.new_cursor()) is not None:
            # Whoever begins "now" must know at the next start when that was, though nothing came until then.
            await self.session.commit(Settled(0, 0, (), (), (), cursor), 0, lambda: 0)
        self._is_open = True
        self._tell_halted()

    def halt(self, halted: bool, *, at_source: bool) -> None:
        """Heed that no more iterations shall begin, or may again; `at_source` tells that one waits for its item."""
        self._halted = halted
        if at_source:
            self.source.interrupt()
        if self._is_open:
            self._tell_halted()

    def _queue_source(self) -> QueueSource:
        bell = self.session.doorbell()
        if self._plan.batch is None:
            return QueueSource(self.producer, self.commits, bell, self._waiting)
        return BatchSource(self.producer, self.commits, bell, self._waiting, self._plan.batch)

    async def give_back(self) -> None:
        """Return what was fetched and not begun to its queue; while the store is away and the loop stops, not."""
        self.source.discard()
        try:
            await self.session.give_back(self.commits.queued)
        except StoreUnavailable as error:
            _log.warning("%s could not return its items: %s", self._plan.loop, error)

    async def settle(self, grace: float) -> None:
        """Let what runs in the background end for `grace` seconds, then cancel it; decide about what did not end."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + grace
        while self.walker.tasks and clock() < ends_at:
            # Again and again: what has just ended may have begun something else.
            await asyncio.wait(self.walker.tasks, timeout=ends_at - clock())
        if self.walker.tasks:
            self.walker.abort()
            await asyncio.wait(self.walker.tasks, timeout=_CANCEL_S)
        unfinished = self.commits.unsettled()
        if self.session.source is not None or self._has_cursor:
            # They are taken again from the queue or from the cursor, and with them all that began later.
            self.commits.keep_settled_prefix()
            return
        for it in unfinished:
            # All of it will run again, so nothing of what has run so far counts.
            it.outbox, it.dead = (), ()
            cancelled = Cancelled(f"the loop stopped while {it.at} still worked on it")
            self.routing.fail(self.producer, it.data, it, cancelled)
            it.walkers = 0
        for it in unfinished:
            self.commits.settled(it)

    async def end(self, grace: float, *, completed: bool) -> str:
        """Let what is in flight settle for `grace` seconds, commit it, close; return what a person should know of it.

        `completed` tells that the loop has nothing more to do, on other instances neither.
        """
        try:
            await self.settle(grace)
        finally:
            await self.close(completed=completed)
        stuck = ", ".join(step.id for step in self.steps if step.counters.in_threads > 0)  # these cannot be made to end
        if stuck and self._plan.pool is Pool.PROCESS:
            return f"{stuck} still ran and ended with the process"
        return f"{stuck} still running in a thread" if stuck else ""

    async def close(self, *, completed: bool) -> None:
        """Commit what has settled, give back or file the rest, tear the nodes down. Logs what goes wrong."""
        await self.commits.flush()
        if self._recorder is not None:
            await self._recorder.flush(_LEAVE_S)
        if self._alone:
            # Whoever stands by sets up the same producer as soon as this track has left.
            await self._tear_all_down()
            await self._leave(completed)
        else:
            await self._leave(completed)
            await self._tear_all_down()
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _leave(self, completed: bool) -> None:
        self.session.give_up(asyncio.get_running_loop().time() + _LEAVE_S)
        try:
            await self.session.leave(completed=completed)
        except StoreError as error:
            _log.error("%s could not return its items: %s; they return when its lease ends", self._plan.loop, error)

    async def _tear_all_down(self) -> None:
        for step in reversed(self._set_up):
            await tear_down(step)

    @property
    def _has_cursor(self) -> bool:
        return getattr(self.producer.node, "cursor", None) is not None

    def _accept(self, it: Iteration) -> bool:
        self.producer.counters.runs += 1  # a producer's own runs are counted as they end
        if it.unreadable:
            self._refuse(it)
        return not it.unreadable

    def _refuse(self, it: Iteration) -> None:
        self.routing.fail(self.producer, it.data, it, NodeError(it.unreadable))

    def _tell_producer(self, it: Iteration, outcome: Outcome) -> None:
        tell_ended(self.producer, it.item, outcome)

    def _tell_halted(self) -> None:
        halted = self._halted
        if self._plan.is_replay or halted == self._knows_halted:
            return
        self._knows_halted = halted
        tell_halted(self.producer, halted)

    def _no_room(self, it: Iteration, full: QueueFull, item: Item) -> None:
        writer = next(step for step in self.steps if step.queue == full.queue)
        data = NodeData(json.loads(item.payload), item.id, it.data.meta)
        self.routing.fail(writer, data, it, full, alone=True)

    def _lost_lease(self) -> None:
        if self.session.source is not None:
            self.source.discard()
            self.commits.abandon("go back to their queue")
            return
        if self.session.drops_all:
            self.commits.abandon("are made again from the saved cursor")
        self._on_lost_loop()
