"""A loop on an event loop of its own, over a store that fails on request, in a time that passes only when asked."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import logging
import selectors
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from flowtui.engine.drain import Drains
from flowtui.engine.handle import Report, TrackHandle
from flowtui.engine.lifecycle import Event
from flowtui.engine.loop import Loop
from flowtui.engine.pools import LocalTrack
from flowtui.graph.plan import ExecutionPlan, PlanNeed, PlanNode
from flowtui.model.development import Sample
from flowtui.model.errors import StoreUnavailable
from flowtui.model.letters import DeadLetter
from flowtui.model.states import ACTIVE_STATES, Command, LoopState, OnError
from flowtui.nodes.base import BaseNode, Pool
from flowtui.nodes.builtin.queues import QueueReader, QueueWriter
from flowtui.nodes.registry import NodeType
from flowtui.storage.cache_store import CacheStore
from flowtui.storage.calls import StoreCalls
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.health import Health
from flowtui.storage.lease import LEASE_S, Keeper, Reaper
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.loop_lease import LoopLeases
from flowtui.storage.memory import MemoryConnector
from flowtui.storage.queue_store import Bound, Commit, Item, QueueStats, QueueStore, Source
from flowtui.workflow.schema import BatchOptions, RetryOptions

T = TypeVar("T")
NAMESPACE = "{lab}"
LOOP = "w.loop"
#: The methods of a store that a track calls.
CALLS = ("join", "fetch", "commit", "give_back", "in_flight", "leave", "cursor")
CACHE_CALLS = ("get", "put")
LETTER_CALLS = ("requested", "release")


class LeapingSelector(selectors.DefaultSelector):
    """Does not wait for a timer: the time leaps to it."""

    leapt = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        ready = super().select(0 if timeout is None or timeout > 0 else timeout)
        if ready or timeout is None or timeout <= 0:
            # A thread may be at work, and its end is what `timeout=None` waits for.
            return ready or super().select(0.001 if timeout is None else 0)
        self.leapt += timeout
        return []


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop in which hours pass at once."""

    def __init__(self, selector: LeapingSelector | None = None) -> None:
        self._leaping: Any = selector or LeapingSelector()
        super().__init__(self._leaping)

    def time(self) -> float:
        return self._leaping.leapt


def run(scene: Coroutine[Any, Any, T], on: type[LeapingLoop] = LeapingLoop) -> T:
    """Run a scene to its end in leaping time."""
    with contextlib.closing(on()) as loop:
        try:
            return loop.run_until_complete(scene)
        finally:
            for task in asyncio.all_tasks(loop):
                task.cancel()
            loop.run_until_complete(asyncio.sleep(0))


@dataclass
class PlannedNode:
    """A node of a plan: its class, what it needs (`id` or `id.port`), and its queue if it writes to one."""

    id: str
    cls: type[BaseNode]
    needs: Sequence[str] = ()
    queue: str | None = None
    retry: RetryOptions | None = None
    timeout: float | None = None
    cache: float | None = None
    config: Mapping[str, Any] = field(default_factory=dict)


def plan_of(
    *nodes: PlannedNode,
    on_error: OnError = OnError.DEAD_LETTER,
    pool: Pool = Pool.ASYNCIO,
    max_in_flight: int = 16,
    breaker: int = 0,
    max_dead_letters: int = 10_000,
    replicas: int = 1,
    restarts: int = 5,
    max_deliveries: int = 5,
    bounds: Mapping[str, Bound] | None = None,
    batch: BatchOptions | None = None,
) -> ExecutionPlan:
    """Return the plan of a loop of these nodes, the producer first, each behind all that it needs."""
    index = {node.id: number for number, node in enumerate(nodes)}
    needs = [tuple(_need(text, index) for text in node.needs) for node in nodes]
    planned = tuple(
        PlanNode(
            index=number,
            id=node.id,
            title=node.id,
            line=1,
            type=NodeType(node.cls.type, node.cls, None, "1"),
            config=node.config,
            retry=node.retry,
            timeout=node.timeout,
            cache=node.cache,
            needs=needs[number],
            dependants=tuple(
                other for other in range(len(nodes)) if any(need.index == number for need in needs[other])
            ),
            queue=node.queue,
        )
        for number, node in enumerate(nodes)
    )
    return ExecutionPlan(
        loop=LOOP,
        workflow="w",
        path=Path("w.yaml"),
        nodes=planned,
        pool=pool,
        replicas=replicas,
        restarts=restarts,
        on_error=on_error,
        autostart=True,
        max_in_flight=max_in_flight,
        breaker=breaker,
        max_dead_letters=max_dead_letters,
        max_deliveries=max_deliveries,
        bounds=bounds or {},
        batch=batch,
        reads=nodes[0].queue,
        writes=tuple(dict.fromkeys(node.queue for node in nodes[1:] if node.queue is not None)),
        revision="1",
    )


def _need(text: str, index: dict[str, int]) -> PlanNeed:
    id, _, port = text.partition(".")
    return PlanNeed(index[id], port or None)


def reader(queue: str = "in") -> PlannedNode:
    return PlannedNode("read", QueueReader, queue=queue)


def writer(needs: str, queue: str = "out", id: str = "write") -> PlannedNode:
    return PlannedNode(id, QueueWriter, (needs,), queue)


class _Store:
    """A store that is away, loses replies or holds calls back when the lab wants it.

    To take a loop is another way to join.
    """

    def __init__(self, lab: Lab, store: QueueStore | CacheStore | LetterStore | LoopLeases) -> None:
        self._lab = lab
        self._store = store

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._store, name)
        if name == "loops":
            return _Store(self._lab, method)
        name = "join" if name == "take" else name
        return method if name not in CALLS + CACHE_CALLS + LETTER_CALLS else functools.partial(self._call, name, method)

    async def _call(self, name: str, method: Callable[..., Any], *args: Any, **options: Any) -> Any:
        lab = self._lab
        lab.calls[name] += 1
        if name == "join":
            lab.owners.append(args[0])
        try:
            await lab.pass_gate(f"before {name}")
            lab.refuse(name)
            result = await method(*args, **options)
            await lab.pass_gate(f"after {name}")
            if name == "commit":
                lab.doubtful = lab.lost_replies[name] > 0
            if lab.lost_replies[name] > 0:
                lab.lost_replies[name] -= 1
                raise StoreUnavailable(f"the reply to {name} was lost")
        except (StoreUnavailable, asyncio.CancelledError):
            if name in ("join", "leave"):
                lab.stray.add(args[0])
            raise
        return result


class _LabTrack(LocalTrack):
    """A track that can crash as a process does."""

    def __init__(
        self, lab: Lab, plan: ExecutionPlan, loop: asyncio.AbstractEventLoop, report: Callable[[Report], None]
    ) -> None:
        keep = lab.samples.append if lab.samples is not None else None
        super().__init__(plan, lab, loop, report, self._left, keep=keep)  # type: ignore[arg-type]
        self._lab = lab
        self.task: asyncio.Task[None] | None = None

    def _left(self, _: LocalTrack) -> None:
        self._lab.end_owner(self.runner.owner)

    def crash(self) -> bool:
        """End it without any farewell; return False if it has ended before, or not begun."""
        if self._ended or self.task is None:
            return False
        self._ended = True
        self.runner.disown()
        self.runner.kill()  # a process would be gone at once; here what is left of it must end some time
        self._lab.end_owner(self.runner.owner)
        self._report(Report(Event.CRASH, "its process was killed"))
        return True


class _Launcher:
    """Starts every track on the lab's event loop."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self.tasks: list[asyncio.Task[None]] = []
        self.living: list[_LabTrack] = []

    def launch(self, plan: ExecutionPlan, number: int, report: Callable[[Report], None]) -> TrackHandle:
        loop = asyncio.get_running_loop()
        track = _LabTrack(self._lab, plan, loop, report)
        self.living.append(track)
        loop.call_soon(lambda: self._start(track))
        return track

    def _start(self, track: _LabTrack) -> None:
        track.task = asyncio.get_running_loop().create_task(track.runner.run())
        track.task.add_done_callback(lambda _: self.living.remove(track))
        self.tasks.append(track.task)


class Lab:
    """A loop over a memory store. `away` names the calls that the store refuses; `gates` those it holds back.

    With `sampled` its items are sampled.
    """

    def __init__(self, plan: ExecutionPlan, *, sampled: bool = False) -> None:
        self.samples: list[Sample] | None = [] if sampled else None
        self._connector = MemoryConnector()
        self._health, self._bells = Health(), Doorbells()
        self._keeper = Keeper(
            self._connector,
            NAMESPACE,
            lease_s=LEASE_S,
            health=self._health,
            ring=self._bells.ring,
            recovered=self._bells.ring_all,
        )
        self._client = self._connector.client()
        self._reaper = Reaper(self._client, NAMESPACE, self._bells.ring)
        self.away: Collection[str] = ()
        self.refusal: type[Exception] = StoreUnavailable
        self.lost_replies: Counter[str] = Counter()
        self.doubtful = False  # whether the last commit was done without the track's knowledge
        self.calls: Counter[str] = Counter()
        self.slow: dict[str, float] = {}  # seconds of leaping time, by place such as `before commit`
        self.gates: dict[str, asyncio.Event] = {}
        self.reached: dict[str, asyncio.Event] = {}
        self.late = 0.0  # seconds that a report of the runner takes to arrive
        self.owners: list[str] = []  # of the loop's track, in the order in which they joined
        self.stray: set[str] = set()  # owners that nobody may know of any more; their leases run out
        self.events: list[tuple[Event, str]] = []
        self.launcher = _Launcher(self)
        self._store_calls = StoreCalls(self._connector, NAMESPACE, self._bells, self._health)
        self.store = QueueStore(self._store_calls, self._keeper)
        self._letters = LetterStore(self._store_calls)
        self.loop = Loop(plan, self._launch, self._post)
        self.drains = Drains(lambda: [self.loop])
        self._drainer: asyncio.Task[None] | None = None
        self._seq = itertools.count(1)
        self._writer = f"writer-{id(self)}"
        self._joined = False
        self._numbers = itertools.count()

    # ---- as the track's DataStore ----

    def queues(self) -> _Store:
        return _Store(self, self.store)

    def cache(self) -> _Store:
        return _Store(self, CacheStore(self._connector.async_client(), "lab", NAMESPACE))

    def dead_letters(self) -> Any:
        return _Store(self, self._letters)

    def refuse(self, name: str) -> None:
        if name in self.away:
            raise self.refusal(f"the store is away ({name})")

    async def pass_gate(self, place: str) -> None:
        if place in self.slow:
            await asyncio.sleep(self.slow[place])
        if gate := self.gates.get(place):
            self.reached.setdefault(place, asyncio.Event()).set()
            await gate.wait()

    def hold(self, place: str) -> asyncio.Event:
        """Hold back calls at a place such as `before commit`; returns the event that lets them pass."""
        self.reached[place] = asyncio.Event()
        self.gates[place] = gate = asyncio.Event()
        return gate

    def _launch(self, plan: ExecutionPlan, number: int, report: Callable[[Report], None]) -> TrackHandle:
        def noted(said: Report) -> None:
            self.events.append((said.event, said.reason))
            report(said)

        return self.launcher.launch(plan, number, noted)

    def _post(self, call: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_later(self.late, call)

    # ---- what a test does ----

    @property
    def state(self) -> LoopState:
        return self.loop.lifecycle.state

    def tell(self, command: Command) -> None:
        if self._drainer is None:
            self._drainer = asyncio.create_task(self.drains.follow(self))  # type: ignore[arg-type]
        self.loop.command(command, "asked by the test")
        self.drains.begun()

    def ring(self) -> None:
        """As when the connection comes back."""
        self._bells.ring_all()

    def end_lease(self) -> None:
        """Treat the track's owner as dead: its items go back, with one more try."""
        self._reaper.end([self.owners[-1]])

    def beat(self) -> None:
        """Renew the leases, and learn of those that are over, as the keeper's thread does."""
        self._keeper.beat()

    def end_owner(self, owner: str) -> None:
        """As `DataStore.end_owner`."""
        # A join may be under way, under a name that nobody knows yet.
        self.stray.update(self.owners)
        if owner:
            self._reaper.end([owner])

    def crash(self) -> bool:
        """Let one track die; return False if none lives."""
        return any(track.crash() for track in self.launcher.living)

    def end_stray_leases(self) -> None:
        """As when the lease of every owner that the track could not take leave of has run out."""
        self._reaper.end(self.stray)

    async def push(self, count: int = 1, queue: str = "in", payload: bytes | None = None, id: str = "") -> list[str]:
        """Push items whose payload is `{"n": number}` unless given; return their ids."""
        if not self._joined:
            self._joined = True
            await self.store.join(self._writer, None)
        items = [
            Item(id or f"i{number}", payload or b'{"n":%d}' % number, "trace", "test")
            for number in itertools.islice(self._numbers, count)
        ]
        pushes = tuple((queue, item) for item in items)
        await self.store.commit(self._writer, Commit(next(self._seq), pushes=pushes))
        return [item.id for item in items]

    async def until(self, *states: LoopState, patience: float = 120.0) -> LoopState:
        """Wait until the loop is in one of these states; fails after `patience` seconds of leaping time."""
        ended = await self.loop.until(frozenset(states), patience)
        assert ended, f"stuck: {self.loop.view()}"
        return self.state

    async def until_true(self, condition: Callable[[], object], patience: float = 120.0) -> None:
        async with asyncio.timeout(patience):
            while not condition():
                await asyncio.sleep(0.001)

    async def until_drained(self, queue: str = "in", patience: float = 120.0) -> None:
        """Wait until nothing of a queue waits or is in flight."""
        pause = 0.01
        async with asyncio.timeout(patience):
            while (stats := await self.stats(queue)).depth or stats.in_flight:
                await asyncio.sleep(pause)
                pause *= 1.3

    async def running(self) -> None:
        self.tell(Command.START)
        await self.until(LoopState.RUNNING)

    async def stop(self) -> LoopState:
        """Stop the loop if it runs; return the state that it ended in."""
        if self.state in ACTIVE_STATES:
            self.tell(Command.STOP)
            await self.until(LoopState.STOPPED, LoopState.FAILED, LoopState.COMPLETED)
        if self.launcher.tasks:
            _, stuck = await asyncio.wait(self.launcher.tasks, timeout=10_000)
            assert not stuck, [_standing(task) for task in stuck]
        return self.state

    async def stats(self, queue: str = "in") -> QueueStats:
        return (await self.store.queue_stats([queue]))[queue]

    async def contents(self, queue: str) -> list[Item]:
        """Read all that waits in a queue, in order, and leave it there."""
        owner, source = f"spy-{next(self._numbers)}", Source(queue, "spy")
        await self.store.join(owner, source)
        found = []
        while deliveries := await self.store.fetch(owner, source, 1000):
            found += [delivery.item for delivery in deliveries]
        await self.store.leave(owner, source)
        return found

    async def letters(self) -> list[DeadLetter]:
        """Return all letters of the loop, the oldest first."""
        return [letter async for page in self.dead_letters().pages(LOOP) for letter in page]

    def owners_in_store(self) -> list[str]:
        found: Any = self._client.zrange(f"{NAMESPACE}:owners", 0, -1)
        return [name.decode() for name in found if name.decode() != self._writer]

    async def close(self) -> None:
        if self._drainer is not None:
            self._drainer.cancel()
        await self._store_calls.close()
        self._client.close()


def _standing(task: asyncio.Task[None]) -> str:
    """Tell where a task stands, innermost last."""
    places = []
    coro: Any = task.get_coro()
    while coro is not None and hasattr(coro, "cr_frame") and coro.cr_frame is not None:
        places.append(f"{coro.cr_code.co_name}:{coro.cr_frame.f_lineno}")
        coro = coro.cr_await
    return " > ".join(places)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what the engine logs out of the test's output; a lab fails on purpose."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)
