"""Takes one item through the nodes of a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

from flowtui.engine.execute import Step, describe, execute
from flowtui.engine.iteration import Iteration, Routing
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError


class Walker:
    """Runs nodes as soon as all they need is settled, with a task only where branches part.

    `on_settled` is called when nothing of an iteration runs any more.
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
        self._routing = routing
        self._executor = executor
        self._on_settled = on_settled
        self._may_inline = may_inline
        self._aborting = False
        self.tasks: set[asyncio.Task[None]] = set()

    async def walk(self, it: Iteration) -> None:
        """Run the blocking part of an iteration; non-blocking nodes and all behind them go on in `tasks`."""
        await self._follow(self._producer, it.data, it, background=False)
        while it.foreground:
            await asyncio.wait([it.foreground.pop()])
        self.leave(it)

    def leave(self, it: Iteration) -> None:
        """One part of `it` has ended."""
        it.walkers -= 1
        if not it.walkers:
            self._on_settled(it)

    def abort(self) -> None:
        """Cancel everything that runs in tasks; `walk` itself is cancelled through its own task."""
        self._aborting = True
        for task in self.tasks:
            task.cancel()

    async def _follow(
        self, step: Step, output: NodeData | None, it: Iteration, *, background: bool, port: str | None = None
    ) -> None:
        while True:
            following = step.only_next
            if following is None or output is None or following.queue is not None:
                chosen = self._choose(self._routing.ready(step, output, port, it), it, background=background)
                if chosen is None:
                    return
                step, data = chosen
            else:
                step, data = following, output
            it.at = step.id
            try:
                if self._aborting:  # the node before has swallowed its cancellation
                    raise asyncio.CancelledError
                # A plain function that runs right here holds up every other part of this track.
                may_inline = self._may_inline and it.walkers == 1 and not background
                if step.tries is None:
                    output, port = await execute(step, data, self._executor, may_inline)
                else:
                    output, port = await step.tries(execute, step, data, self._executor)
            except BaseException as error:
                self._failed(step, data, it, error)
                return

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

    def _choose(
        self, ready: list[tuple[Step, NodeData]], it: Iteration, *, background: bool
    ) -> tuple[Step, NodeData] | None:
        """Give every ready node a task of its own but one, which is returned to run in the caller's."""
        chosen: tuple[Step, NodeData] | None = None
        for step, data in ready:
            if step.is_non_blocking and not background:
                self._spawn(step, data, it, background=True)
            elif chosen is None:
                chosen = (step, data)
            else:
                self._spawn(step, data, it, background=background)
        return chosen

    def _spawn(self, step: Step, data: NodeData, it: Iteration, *, background: bool) -> None:
        it.walkers += 1
        task = asyncio.create_task(self._branch(step, data, it, background=background))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        if not background:
            it.foreground.append(task)

    async def _branch(self, step: Step, data: NodeData, it: Iteration, *, background: bool) -> None:
        it.at = step.id
        try:
            if step.tries is None:
                output, port = await execute(step, data, self._executor)
            else:
                output, port = await step.tries(execute, step, data, self._executor)
        except BaseException as error:
            self._failed(step, data, it, error)
        else:
            await self._follow(step, output, it, background=background, port=port)
        self.leave(it)
