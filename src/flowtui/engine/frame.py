"""What frames the runs of a node: `setup`, `teardown`, a producer's `ended`, and the line that a failed run logs."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flowtui.engine.execute import Step, author_traceback, hop, in_one_line
from flowtui.engine.logs import attributed_to
from flowtui.model.states import Outcome
from flowtui.nodes.base import BaseNode, ProducerNode, rendered_config

#: How long the `teardown` of one node may take, in seconds.
_TEARDOWN_S = 10.0
_log = logging.getLogger("flowtui.track")


async def set_up(step: Step) -> None:
    """Call the node's `setup`; a plain `def` runs in a thread.

    Raises:
        Exception: whatever it raises.
    """
    await _call(step, "setup")


async def tear_down(step: Step) -> None:
    """Call the node's `teardown`; what goes wrong there is logged, since the other nodes must be torn down too."""
    what = f"teardown of {step.loop}.{step.id}"
    limit = asyncio.timeout(_TEARDOWN_S)
    try:
        async with limit:
            await _call(step, "teardown")
    except BaseException as error:
        if limit.expired():
            _log.error("%s has not ended within %.0f s; left behind", what, _TEARDOWN_S)
        else:
            _log.error("%s failed: %s\n%s", what, in_one_line(error), author_traceback(error))


def tell_ended(producer: Step, item: str, outcome: Outcome) -> None:
    """Tell a producer what became of an item; what goes wrong there is logged, since the item has ended anyway."""
    node = producer.node
    assert isinstance(node, ProducerNode)
    with attributed_to(producer.attribution, item):
        try:
            node.ended(item, outcome)
        except Exception as error:
            node.log.error("ended() failed: %s", in_one_line(error))


def tell_halted(producer: Step, halted: bool) -> None:
    """Tell a producer that its loop takes nothing more, or goes on; what goes wrong there is logged."""
    node = producer.node
    assert isinstance(node, ProducerNode)
    with attributed_to(producer.attribution):
        try:
            node.halted(halted)
        except Exception as error:
            node.log.error("halted() failed: %s", in_one_line(error))


def log_failure(step: Step, item: str, error: BaseException) -> None:
    """Log in one line why a node has failed on an item, and where in its author's code."""
    with attributed_to(step.attribution, item):
        step.node.log.error("%s", in_one_line(error))


async def _call(step: Step, name: str) -> None:
    if getattr(type(step.node), name) is getattr(BaseNode, name):
        return
    method = getattr(step.node, name)
    # A loop that opens once more does so in the task of its iterations, where another node's config may be left.
    before = rendered_config.set(None)
    try:
        with attributed_to(step.attribution):
            if inspect.iscoroutinefunction(method):
                await method()
            else:
                await _in_passing_thread(step, method)
    finally:
        rendered_config.reset(before)


async def _in_passing_thread(step: Step, method: Callable[[], object]) -> None:
    # A worker thread that stays is the most that an idle loop costs.
    executor = ThreadPoolExecutor(1, thread_name_prefix=f"{step.loop}.{step.id}")
    try:
        await hop(executor, step.in_thread, method)
    finally:
        executor.shutdown(wait=False, cancel_futures=True)
