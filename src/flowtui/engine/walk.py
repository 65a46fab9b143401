"""Takes one item through the nodes of a loop."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from time import perf_counter_ns
from typing import Any

from flowtui.engine.deadlines import Limit, Watch
from flowtui.engine.execute import INLINE_BELOW_NS, PLAIN_RESULTS, Step, describe, execute, plain, timed_out
from flowtui.engine.iteration import Branch, Iteration, Routing
from flowtui.engine.logs import Place, current_place
from flowtui.engine.measures import SAMPLE_EVERY
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError

_QUICK_NS = 50_000  # a run quicker than this is noted as one of a sample
#: What has come of a node: the node, its output (None if it dropped the item), the port that it chose.
_Done = tuple[Step, NodeData | None, str | None]


class Walker:
    """Runs nodes as soon as all they need is settled, with a task only where branches part.

    `on_settled` is called when nothing of an iteration runs any more.

    Attributes:
        walked: the iteration that the track's main task takes through the nodes; to be reset if `walk` raises.
        tasks: those of branches; `places` tells where they are.
    """

    def __init__(
        self,
        producer: Step,
        routing: Routing,
        executor: Executor,
        on_settled: Callable[[Iteration], None],
        *,
        may_inline: bool,
    ) -> None:
        self._producer = producer
        self._first = producer.only_next.straight if producer.only_next is not None else ()
        self._routing = routing
        self._executor = executor
        self._on_settled = on_settled
        self._may_inline = may_inline
        self._aborting = False
        self._main: asyncio.Task[Any] | None = None
        self._watch: Watch | None = None
        self.walked: Iteration | None = None
        self.tasks: set[asyncio.Task[None]] = set()
        self.places: dict[Place, asyncio.Task[None]] = {}

    def watch(self, main: asyncio.Task[Any], limits: Mapping[str, Limit]) -> None:
        """Watch deadlines in straight runs: the limits by node. `main` is the task that will call `walk`."""
        self._main = main
        if limits:
            self._watch = Watch(asyncio.get_running_loop(), limits, self._running)

    def _running(self) -> list[tuple[Place, asyncio.Task[Any]]]:
        branches = list(self.places.items())
        return branches if self.walked is None or self._main is None else [(self.walked, self._main), *branches]

    def where(self) -> list[Place]:
        """Return where its tasks are now; from any thread."""
        walked, branches = self.walked, self.places.copy()
        return [*branches] if walked is None else [walked, *branches]

    async def walk(self, it: Iteration) -> None:
        """Run the blocking part of an iteration; non-blocking nodes and all behind them go on in `tasks`."""
        self.walked = it
        steps = self._first
        done: _Done | None
        if steps and (steps[0].is_async or (self._may_inline and steps[0].is_quick)):
            done = await self._straight(steps, it.data, it, it, it.started_ns, may_inline=self._may_inline)
        else:
            done = self._producer, it.data, None
        # Nothing follows in a chain of simple nodes: then this is all, without a coroutine in between.
        if done is not None and done[0].dependants:
            ready = self._next(*done, it, background=False)
            if ready is not None:
                await self._follow(*ready, it, it, background=False)
        while it.foreground:
            *others, last = it.foreground
            it.foreground = tuple(others)
            await asyncio.wait([last])
        self.leave(it)
        self.walked = None

    async def resume(self, ready: list[tuple[Step, NodeData]], it: Iteration) -> None:
        """As `walk`, but beginning with these nodes and their inputs."""
        self.walked = it
        first = self._shared_out(ready, it, background=False)
        if first is not None:
            await self._follow(*first, it, it, background=False)
        while it.foreground:
            *others, last = it.foreground
            it.foreground = tuple(others)
            await asyncio.wait([last])
        self.leave(it)
        self.walked = None

    def leave(self, it: Iteration) -> None:
        """One part of `it` has ended."""
        it.walkers -= 1
        if not it.walkers:
            self._on_settled(it)

    def disconnect(self) -> None:
        """What still runs is nobody's any more, and reports to nobody."""
        self._on_settled = _ignore

    def abort(self) -> None:
        """Cancel everything that runs in tasks; `walk` itself is cancelled through its own task."""
        self._aborting = True
        for task in self.tasks:
            task.cancel()

    async def _follow(self, step: Step, data: NodeData, it: Iteration, place: Place, *, background: bool) -> None:
        """Run a node that is ready, and all behind it that needs no task of its own."""
        while True:
            # A plain function that runs right here holds up every other part of this track.
            may_inline = self._may_inline and it.walkers == 1 and not background
            if step.straight and (step.is_async or (may_inline and step.is_quick)):
                done = await self._straight(step.straight, data, it, place, perf_counter_ns(), may_inline=may_inline)
            else:
                done = await self._alone(step, data, it, place, may_inline)
            if done is None:
                return
            ready = self._next(*done, it, background=background)
            if ready is None:
                return
            step, data = ready

    async def _straight(
        self, steps: tuple[Step, ...], data: NodeData, it: Iteration, place: Place, began: int, *, may_inline: bool
    ) -> _Done | None:
        """Run simple nodes one after the other, until one must go to a worker thread; None if one has failed.

        The hot path: one reading of the clock ends a node and begins the next, and `place` alone tells which one runs.
        """
        step = done = steps[0]
        # Of quick runs some stand for all: noting each would cost as much as the run.
        noted_above = 0 if step.counters.runs % SAMPLE_EVERY == 0 else _QUICK_NS
        place.since_ns = began
        if self._watch is not None and self._watch.sleeps:
            self._watch.look()
        try:
            for step in steps:
                if self._aborting:  # the node before has swallowed its cancellation
                    raise asyncio.CancelledError
                place.owner = step.attribution
                if step.is_async:
                    result = await step.call(data)
                elif may_inline and step.counters.last_ns < INLINE_BELOW_NS:
                    result = step.call(data)
                else:
                    break
                if type(result) is not NodeData:
                    result = plain(step, data, result if type(result) in PLAIN_RESULTS else await _awaited(result))
                now = perf_counter_ns()
                if now - began > noted_above:
                    now = self._note(step, place, now - began)
                step.counters.runs += 1
                place.since_ns = began = now
                if result is None:
                    return step, None, None
                done, data = step, result
        except BaseException as error:
            self._broken_off(step, data, it, place, began, error)
            return None
        finally:
            place.since_ns = 0
        return done, data, None

    def _note(self, step: Step, place: Place, took: int) -> int:
        """Note how long a run took; return the time now, so that this is not the next node's.

        Raises:
            TimedOut: it took longer than it may, whatever it has returned.
        """
        if self._watch is not None and self._watch.end(place):
            raise timed_out(step)
        step.counters.last_ns = took
        step.counters.histogram.observe(took, 1 if took > _QUICK_NS else SAMPLE_EVERY)
        return perf_counter_ns()

    def _broken_off(
        self, step: Step, data: NodeData, it: Iteration, place: Place, began: int, error: BaseException
    ) -> None:
        step.counters.took(perf_counter_ns() - began)
        if self._watch is not None and self._watch.end(place, error):
            late = timed_out(step)
            late.__cause__, error = error, late
        if not isinstance(error, asyncio.CancelledError):
            step.counters.failed(describe(error))
        self._failed(step, data, it, error)

    async def _alone(self, step: Step, data: NodeData, it: Iteration, place: Place, may_inline: bool) -> _Done | None:
        """Run a node that needs more than a call; None if it has failed."""
        place.owner = step.attribution
        if step.observer is not None:
            step.observer.entered(step, data, it)
        try:
            if self._aborting:  # the node before has swallowed its cancellation
                raise asyncio.CancelledError
            if step.tries is None:
                output, port = await execute(step, data, self._executor, may_inline)
            else:
                output, port = await step.tries(execute, step, data, self._executor)
        except BaseException as error:
            self._failed(step, data, it, error)
            return None
        return step, output, port

    def _failed(self, step: Step, data: NodeData, it: Iteration, error: BaseException) -> None:
        if not isinstance(error, asyncio.CancelledError):
            # Everything else, an author's SystemExit too, concerns this item only.
            self._routing.fail(step, data, it, error)
        elif self._aborting:
            raise error
        else:
            inside = NodeError(f"{step.id} was cancelled from inside")
            step.counters.failed(describe(inside))
            self._routing.fail(step, data, it, inside)

    def _next(
        self, step: Step, output: NodeData | None, port: str | None, it: Iteration, *, background: bool
    ) -> tuple[Step, NodeData] | None:
        """Return which node goes on here after `step`, and its input; others that are ready get tasks."""
        following = step.only_next
        if following is not None and output is not None and following.queue is None:
            return following, output
        if not step.dependants and step.observer is None:
            return None
        return self._shared_out(self._routing.ready(step, output, port, it), it, background=background)

    def _shared_out(
        self, found: list[tuple[Step, NodeData]], it: Iteration, *, background: bool
    ) -> tuple[Step, NodeData] | None:
        """Return which of some nodes that are ready goes on here; the others get tasks."""
        chosen: tuple[Step, NodeData] | None = None
        for ready, data in found:
            if ready.is_non_blocking and not background:
                self._spawn(ready, data, it, background=True)
            elif chosen is None:
                chosen = (ready, data)
            else:
                self._spawn(ready, data, it, background=background)
        return chosen

    def _spawn(self, step: Step, data: NodeData, it: Iteration, *, background: bool) -> None:
        it.walkers += 1
        task = asyncio.create_task(self._branch(step, data, it, background=background))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if not background:
            it.foreground = (*it.foreground, task)

    async def _branch(self, step: Step, data: NodeData, it: Iteration, *, background: bool) -> None:
        it.branch = place = Branch(step.attribution, it)
        current_place.set(place)
        task = asyncio.current_task()
        assert task is not None
        self.places[place] = task
        try:
            await self._follow(step, data, it, place, background=background)
        finally:
            del self.places[place]
        self.leave(it)


async def _awaited(result: Any) -> Any:
    """Return what an unusual result stands for: a plain `def` may return an awaitable."""
    return await result if inspect.isawaitable(result) else result


def _ignore(_: Iteration) -> None:
    pass
