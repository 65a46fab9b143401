"""One node, one item: call it, check what it returns, count it."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import sysconfig
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from time import perf_counter_ns
from types import CodeType, TracebackType
from typing import TYPE_CHECKING, Any

from flowtui.engine.caching import NodeCache
from flowtui.engine.deadlines import LEAST_WATCHED_S, Limit, ThreadCall
from flowtui.engine.logs import Attribution, context_of_its_own
from flowtui.engine.observers import Observer
from flowtui.engine.telemetry import NodeCounters
from flowtui.graph.plan import PlanNode
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError, TemplateError, TimedOut
from flowtui.model.states import NodeKind
from flowtui.nodes.base import BaseNode, ConditionalNode, NodeConfig, rendered_config
from flowtui.nodes.builtin.queues import QueueWriter
from flowtui.nodes.masking import masker
from flowtui.nodes.secrets import NO_VALUES
from flowtui.nodes.templates import ConfigTemplate, compile_config

if TYPE_CHECKING:  # single nodes are never tried again
    from tenacity import AsyncRetrying

_PACKAGE = f"{Path(__file__).parent.parent}{os.sep}"
_BUILTIN_NODES = os.path.join(_PACKAGE, "nodes", "builtin", "")
_STANDARD = (*{os.path.join(sysconfig.get_path(name), "") for name in ("stdlib", "platstdlib")}, "<frozen")
_INSTALLED = tuple({os.path.join(sysconfig.get_path(name), "") for name in ("purelib", "platlib")})
#: What a node returns nearly always; everything else is looked at closely.
PLAIN_RESULTS = frozenset({NodeData, dict, str, tuple, type(None)})
#: A plain `def` that took less than this last time runs on the track's own thread: a hop costs about 0.1 ms.
INLINE_BELOW_NS = 1_000_000


class Step:
    """One node of a running loop, with all that the hot path needs within one attribute's reach."""

    __slots__ = (
        "attribution",
        "cache",
        "call",
        "counters",
        "dependants",
        "folder",
        "full_id",
        "id",
        "index",
        "is_async",
        "is_conditional",
        "is_join",
        "is_non_blocking",
        "limit",
        "loop",
        "need_ids",
        "needs",
        "node",
        "observer",
        "only_next",
        "plan",
        "ports",
        "queue",
        "straight",
        "template",
        "tries",
    )

    def __init__(
        self,
        plan: PlanNode,
        loop: str,
        folder: Path,
        counters: NodeCounters,
        secrets: Mapping[str, str] = NO_VALUES,
    ) -> None:
        """Make the node's instance; `secrets` are all that its config refers to.

        Raises:
            NodeError: if its class raises, or its config does not fit.
        """
        cls = plan.type.cls
        template = _template(plan, loop, secrets)
        self.plan = plan
        self.id = plan.id
        self.index = plan.index
        self.loop = loop
        self.full_id = f"{loop}.{plan.id}"
        self.node = _instantiate(cls, template.static, plan.id, loop, folder)
        self.node.function = plan.type.function
        self.call: Callable[..., Any] = self.node.execute  # type: ignore[attr-defined]
        self.is_async = inspect.iscoroutinefunction(self.call)
        self.template: ConfigTemplate | None = None if template.static is not None else template
        self.counters = counters
        self.attribution = Attribution(loop, plan.id)
        self.is_conditional = plan.kind is NodeKind.CONDITIONAL
        self.is_non_blocking = plan.kind is NodeKind.NON_BLOCKING
        self.tries: AsyncRetrying | None = None  # a track sets it
        self.limit: Limit | None = None  # of the time that a try may take
        self.cache: NodeCache | None = None
        self.is_join = len(plan.needs) > 1
        self.queue = plan.queue if isinstance(self.node, QueueWriter) else None
        self.needs = plan.needs
        self.need_ids: tuple[str, ...] = ()
        self.dependants: tuple[Step, ...] = ()
        self.ports: frozenset[str] = frozenset()
        self.observer: Observer | None = None
        self.only_next: Step | None = None
        self.straight: tuple[Step, ...] = ()

    def in_thread(self, call: Callable[..., Any], *args: NodeData) -> Any:
        """Make a call on a worker thread, and count it until it really ends: a thread cannot be cancelled."""
        self.counters.in_threads += 1
        try:
            return call(*args)
        except (StopIteration, GeneratorExit) as error:
            # The one fits into no future, so that its awaiter would wait for ever; the other would close the awaiter.
            hint = ", as next() does at its end: catch it there; a producer raises Exhausted at its own"
            what = f"a plain function raised {type(error).__name__}"
            raise RuntimeError(what + (hint if isinstance(error, StopIteration) else "")) from error
        finally:
            self.counters.in_threads -= 1

    @property
    def is_simple(self) -> bool:
        """Whether it is a call with nothing around it: such nodes run in a tight loop, all others by `execute`."""
        timeout = self.plan.timeout
        return (
            self.template is None
            and not self.is_conditional
            and self.tries is None
            and self.plan.cache is None
            and (timeout is None or (self.is_async and timeout >= LEAST_WATCHED_S))
        )

    @property
    def is_quick(self) -> bool:
        """Whether it never holds up the thread that calls it; a plain `def` if its last run did not."""
        return self.is_async or self.counters.last_ns < INLINE_BELOW_NS

    def connect(self, steps: Sequence[Step], observer: Observer | None = None) -> None:
        """Point to the steps that follow, which have been connected before; with an observer there is no short way."""
        self.observer, self.only_next, self.straight = observer, None, ()
        self.dependants = tuple(steps[i] for i in self.plan.dependants)
        self.need_ids = tuple(steps[need.index].id for need in self.needs)
        if isinstance(self.node, ConditionalNode):
            self.ports = frozenset(type(self.node).ports_for(self.plan.config))
        if observer is not None:
            return
        if len(self.dependants) == 1 and not self.is_conditional:
            only = self.dependants[0]
            if not only.is_join and not only.is_non_blocking:
                self.only_next = only
        if self.is_simple and self.queue is None:  # what is written to a queue is no call at all
            self.straight = (self, *(self.only_next.straight if self.only_next is not None else ()))


def _template(plan: PlanNode, loop: str, secrets: Mapping[str, str]) -> ConfigTemplate:
    has_item = plan.kind is not NodeKind.PRODUCER
    template, problems = compile_config(plan.type.cls.Config, plan.config, has_item=has_item, env=plan.env)
    faults = "; ".join(map(str, problems))
    if template is not None:
        try:
            return template.started(secrets)
        except TemplateError as error:
            faults = str(error)
    raise NodeError(f"{loop}: config of {plan.id} does not fit: {faults}")


def _instantiate(cls: type[BaseNode], config: NodeConfig | None, id: str, loop: str, folder: Path) -> BaseNode:
    try:
        return cls(config, id=id, loop=loop, folder=folder)
    except Exception as error:
        raise NodeError(f"{loop}: cannot make node {id} ({cls.type}): {describe(error)}") from error


async def execute(
    step: Step, data: NodeData, executor: Executor, may_inline: bool = False
) -> tuple[NodeData | None, str | None]:
    """Try a consumer node once on one item; return its output, None if it drops the item, and the port it chose.

    A plain `def` runs on `executor`; if it `may_inline` and was quick last time, right here.

    Raises:
        Exception: whatever the node raises; `NodeError` if it returns what its kind may not return, `TimedOut` if it
            takes too long.
    """
    counters = step.counters
    counters.running += 1
    started = counters.started_ns = perf_counter_ns()
    try:
        if step.cache is not None:
            output = await _from_cache(step, step.cache, data, executor)
        else:
            output = await _within_time(step, data, executor, may_inline)
    except asyncio.CancelledError:
        raise
    except BaseException as error:
        counters.failed(describe(error))
        raise
    else:
        counters.runs += 1
        return output
    finally:
        counters.running -= 1
        counters.took(perf_counter_ns() - started)


async def _from_cache(
    step: Step, cache: NodeCache, data: NodeData, executor: Executor
) -> tuple[NodeData | None, str | None]:
    _render(step, data)
    # Never right here: how long the last answer took does not tell how long the node takes.
    return await cache.answer(data, step.node.config, lambda: _within_time(step, data, executor, False))


async def _within_time(
    step: Step, data: NodeData, executor: Executor, may_inline: bool
) -> tuple[NodeData | None, str | None]:
    limit = step.limit
    if limit is None:
        return await _call(step, data, executor, may_inline, step.in_thread)
    thread = None if step.is_async else ThreadCall(step.in_thread, step.id, step.counters)
    deadline = limit.begin()
    try:
        output = await _call(step, data, executor, False, thread.run if thread is not None else step.in_thread)
    except BaseException as error:
        if deadline.end(error):
            raise timed_out(step, thread) from error
        raise
    if deadline.end():
        raise timed_out(step, thread)
    return output


def timed_out(step: Step, thread: ThreadCall | None = None) -> TimedOut:
    """Return the error of a try that took too long, on a thread that is not waited for any longer if it had one."""
    seconds = f"{step.plan.timeout:g} s"
    text = f"{step.id} took longer than its timeout of {seconds}"
    if thread is not None:
        thread.give_up()
        if not thread.has_begun:
            text = f"{step.id} got no thread within its timeout of {seconds}: other calls of its loop hold all"
        elif thread.is_overrun:
            text += "; its thread cannot be stopped and still runs"
    return TimedOut(text)


async def _call(
    step: Step, data: NodeData, executor: Executor, may_inline: bool, in_thread: Callable[..., Any]
) -> tuple[NodeData | None, str | None]:
    if step.cache is None:
        _render(step, data)
    if step.is_async:
        result = await step.call(data)
    elif may_inline and step.is_quick:
        result = step.call(data)
    else:
        result = await hop(executor, in_thread, step.call, data)
    if type(result) not in PLAIN_RESULTS and inspect.isawaitable(result):
        result = await result
    return _conditional(step, data, result) if step.is_conditional else (plain(step, data, result), None)


def _render(step: Step, data: NodeData) -> None:
    if step.template is not None:
        rendered_config.set(step.template.render(data, loop=step.loop))


def hop(executor: Executor, call: Callable[..., Any], *args: Any) -> Awaitable[Any]:
    """Run `call` on `executor` with the caller's context variables; it may outlive the wait for it."""
    context = context_of_its_own()
    return asyncio.get_running_loop().run_in_executor(executor, lambda: context.run(call, *args))


def plain(step: Step, data: NodeData, result: Any) -> NodeData | None:
    """Return what a node that is no conditional hands on; None if it drops the item.

    Raises:
        NodeError: if it returned something else.
    """
    if result is None or type(result) is NodeData:
        return result
    if type(result) is dict:
        return data.replace(result)
    if isinstance(result, Mapping):
        return data.replace(dict(result))  # read it here, where what it may raise is this node's error
    raise NodeError(
        f"{in_words(step)} returned {type(result).__name__}; return a mapping, NodeData, or None to drop the item"
    )


def _conditional(step: Step, data: NodeData, result: Any) -> tuple[NodeData, str]:
    port, output = result if isinstance(result, tuple) and len(result) == 2 else (result, data)
    if not isinstance(port, str):
        ports = " or ".join(map(repr, sorted(step.ports)))
        raise NodeError(
            f"{in_words(step)} returned {type(result).__name__}; return a port's name ({ports}), or (port, mapping)"
        )
    if port not in step.ports:
        raise NodeError(f"{in_words(step)} chose port {port!r}; its ports are {', '.join(sorted(step.ports))}")
    checked = plain(step, data, output)
    step.counters.ports[port] += 1
    return (data if checked is None else checked), port


def in_words(step: Step) -> str:
    """Return a node's id and type, with the place of its `execute` if it is an author's."""
    code = getattr(step.call, "__code__", None)
    place = f", {Path(code.co_filename).name}:{code.co_firstlineno}" if code and _is_theirs(code.co_filename) else ""
    return f"{step.id} ({step.plan.type.name}{place})"


def describe(error: BaseException) -> str:
    """Return `Type: text`, on one line."""
    text = " ".join(text_of(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def in_one_line(error: BaseException) -> str:
    """Return `Type: text (file.py:31 in execute)`, on one line."""
    return f"{describe(error)}{author_place(error)}"


def text_of(error: BaseException) -> str:
    """Return `str(error)` without secrets, whatever an author's class does there."""
    try:
        return masker.mask(str(error))
    except Exception as broken:
        return f"its text cannot be read ({type(broken).__name__})"


def author_traceback(error: BaseException) -> str:
    """Format an exception with the author's frame first: frames of flowtui itself are left out.

    No secret is in it.
    """
    told = each = traceback.TracebackException(type(error), error, author_frames(error))
    while (before := each.__cause__ or each.__context__) is not None:
        each = before
        theirs = [index for index, frame in enumerate(each.stack) if not _is_machinery(frame.filename)]
        del each.stack[: theirs[0] if theirs else 0]
    return masker.mask("".join(told.format()).rstrip())


def author_frames(error: BaseException) -> TracebackType | None:
    """Return where an exception went through, from the author's first frame on; the last one if none is."""
    trimmed = error.__traceback__
    while trimmed is not None and is_ours(trimmed.tb_frame.f_code) and trimmed.tb_next is not None:
        trimmed = trimmed.tb_next
    return trimmed


def author_place(error: BaseException) -> str:
    """Return ` (file.py:31 in execute)` for where an author's code raised or caused an error; empty if it did not.

    That is the innermost frame outside of libraries; of a node that is a library itself, the outermost.
    """
    cause: BaseException | None = error
    while cause is not None:
        frames = traceback.extract_tb(cause.__traceback__)
        theirs = [frame for frame in frames if _is_theirs(frame.filename)]
        own = [frame for frame in theirs if not frame.filename.startswith(_INSTALLED)]
        if theirs:
            frame = own[-1] if own else theirs[0]
            return f" ({Path(frame.filename).name}:{frame.lineno} in {frame.name})"
        cause = cause.__cause__
    return ""


def is_ours(code: CodeType) -> bool:
    """Tell whether code is flowtui's own machinery, not that of a node."""
    return _is_machinery(code.co_filename)


def _is_machinery(path: str) -> bool:
    return (path.startswith(_PACKAGE) or "/concurrent/futures/" in path) and not path.startswith(_BUILTIN_NODES)


def _is_theirs(path: str) -> bool:
    """Tell whether a file is an author's, or of a package that is neither flowtui nor Python's own."""
    return not path.startswith(_PACKAGE) and (path.startswith(_INSTALLED) or not path.startswith(_STANDARD))


def fingerprint(error: BaseException, node: str) -> str:
    """Return a short hash that is equal for errors of one type, node and raising function."""
    # Where a call that took too long was waited for is the walker's matter.
    frames = [] if isinstance(error, TimedOut) else traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename}:{frames[-1].name}" if frames else ""
    return hashlib.blake2b(f"{type(error).__name__}|{node}|{place}".encode(), digest_size=6).hexdigest()
