"""One run of workflows in a test, from the files to what has come of it."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.engine.idle import AT_REST
from flowtui.graph.folder import LoadedFolder, LoadedWorkflow, load_folder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import NodeData
from flowtui.model.errors import FlowtuiError, NotIdle, Severity, WorkflowError
from flowtui.model.letters import DeadLetter
from flowtui.model.log_lines import LogLine, line_text
from flowtui.model.snapshot import LoopView
from flowtui.model.states import Command
from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import Source
from flowtui.testing.stand_ins import COLLECTORS, collecting, giving, in_this_process

#: What producers give in a test, by id of the node or of its loop.
Inputs = Mapping[str, Sequence[Mapping[str, Any]]]

_LOOK_EVERY_S = 0.01
#: What stopped loops get to end, in seconds.
_GRACE_S = 2.0
_STORE_S = 10.0
_PAGE = 500


@dataclass(frozen=True, slots=True)
class WorkflowRun:
    """What has come of running workflows.

    Attributes:
        loops: as they were in the end, by id such as `orders.incoming`.
        queues: all items that came to each queue, in order, read since or not; by full name such as `orders.accepted`.
        dead_letters: in the order in which they were filed.
        logs: what was logged and printed.
    """

    loops: Mapping[str, LoopView]
    queues: Mapping[str, tuple[NodeData, ...]]
    dead_letters: tuple[DeadLetter, ...]
    logs: tuple[LogLine, ...]

    def queue(self, name: str) -> tuple[NodeData, ...]:
        """Return all items that came to a queue; `name` is as in its workflow file, or the full one.

        Raises:
            KeyError: if there is no such queue, or several workflows have one.
        """
        __tracebackhide__ = True
        return self.queues[full_name(name, self.queues, "queue")]

    def loop(self, name: str) -> LoopView:
        """Return a loop; `name` is its producer's id, or the full one.

        Raises:
            KeyError: if there is no such loop, or several workflows have one.
        """
        __tracebackhide__ = True
        return self.loops[full_name(name, self.loops, "loop")]

    @property
    def messages(self) -> tuple[str, ...]:
        """The texts of `logs`."""
        return tuple(line.message for line in self.logs)


def full_name(name: str, known: Mapping[str, object], what: str) -> str:
    """Return which of some full names is meant by itself or by its last part.

    Raises:
        KeyError: if none is, or several are.
    """
    __tracebackhide__ = True
    found = [name] if name in known else [full for full in known if full.rpartition(".")[2] == name]
    if len(found) == 1:
        return found[0]
    if found:
        raise KeyError(f"several workflows have a {what} {name!r}; name one of: {', '.join(found)}")
    raise KeyError(f"there is no {what} {name!r}; there are: {', '.join(known) or 'none'}")


class Scene:
    """One run; made, then played once."""

    def __init__(self, folder: Path, path: Path | None, inputs: Inputs | None, env: Mapping[str, str]) -> None:
        """Read the folder and choose the workflow at `path`, or all.

        Raises:
            WorkflowError: if there are errors in what was chosen.
            KeyError: if `inputs` name a producer that is not there.
        """
        __tracebackhide__ = True  # pytest would show the environment otherwise
        self._what = path or folder
        self._env = env
        loaded, chosen = _load(folder, path, env)
        plans = {plan.loop: plan for workflow in chosen for plan in workflow.plans}
        named = {}
        for name, items in (inputs or {}).items():
            named[full_name(name, plans, "producer")] = tuple(items)
        queues = dict.fromkeys(queue for p in plans.values() for queue in (p.reads, *p.writes) if queue is not None)
        self._seen: dict[str, list[NodeData]] = {queue: [] for queue in queues}
        self._queued = [(plans[loop].reads, items) for loop, items in named.items()]
        workflows = [
            replace(workflow, plans=tuple(_prepared(plan, inputs is None, named) for plan in workflow.plans))
            for workflow in chosen
        ]
        collectors = tuple(collecting(folder, queue, seen) for queue, seen in self._seen.items())
        self._readers = [Source(p.reads, p.loop) for p in (*plans.values(), *collectors) if p.reads is not None]
        workflows.append(LoadedWorkflow(folder / COLLECTORS, COLLECTORS, collectors, ""))
        self._loaded = replace(loaded, workflows=tuple(workflows), problems=())

    def play(self, within: float, *, until_idle: bool) -> WorkflowRun:
        """Run it until it is idle, or for `within` seconds.

        Raises:
            NotIdle: if it is not idle in time.
        """
        __tracebackhide__ = True
        engine = FlowEngine(
            self._loaded.folder, self._open, env=self._env, watch=False, load=lambda _, __: self._loaded
        )
        client = EngineClient(engine)
        with _running(engine, client):
            if not _becomes_idle(client, within) and until_idle:
                raise NotIdle(f"{self._what} is not at rest after {within:g} s: {_what_moves(client)}")
            if not until_idle:
                for workflow in self._loaded.workflows[:-1]:
                    client.command_all(Command.STOP, workflow.name).result(_STORE_S)
                _becomes_idle(client, _GRACE_S)
            return WorkflowRun(
                loops={view.id: view for view in _views(client)},
                queues={queue: tuple(seen) for queue, seen in self._seen.items()},
                dead_letters=tuple(_letters(client)),
                logs=_lines(client),
            )

    def _open(self) -> DataStore:
        store = open_store("memory", state_dir=Path(), namespace="test", url=None)
        asyncio.run(self._prepare(store))
        return store

    async def _prepare(self, store: DataStore) -> None:
        queues = store.queues()
        for number, source in enumerate(self._readers):
            # From now on it gets every item, whichever loop starts first.
            await queues.join(f"testing-{number}", source)
            await queues.leave(f"testing-{number}", source)
        for queue, items in self._queued:
            for item in items if queue is not None else ():
                assert queue is not None
                await store.queue_admin().inject(queue, dict(item), item.id if isinstance(item, NodeData) else "")
        await store.release()


def _load(folder: Path, path: Path | None, env: Mapping[str, str]) -> tuple[LoadedFolder, list[LoadedWorkflow]]:
    __tracebackhide__ = True
    loaded = load_folder(folder, env)
    chosen = [workflow for workflow in loaded.workflows if path is None or workflow.path == path]
    if path is not None and path not in loaded.files:
        raise WorkflowError(f"there is no workflow file {path}; {folder} has {_listed(loaded.files)}")
    of_nodes = [problem for problem in loaded.problems if problem.path not in loaded.files]
    concerned = [problem for problem in loaded.problems if path in (None, problem.path)]
    errors = [problem for problem in concerned if problem.severity is Severity.ERROR]
    if errors or not chosen:
        found = dict.fromkeys((*errors, *of_nodes))
        raise WorkflowError("\n".join([f"{path or folder} can't run:", *map(str, found)]))
    return loaded, chosen


def _listed(files: Sequence[Path]) -> str:
    return ", ".join(file.name for file in files) or "none"


def _prepared(
    plan: ExecutionPlan, on_their_own: bool, inputs: Mapping[str, Sequence[Mapping[str, Any]]]
) -> ExecutionPlan:
    plan = in_this_process(plan)
    return plan if on_their_own or plan.reads is not None else giving(plan, inputs.get(plan.loop, ()))


@contextmanager
def _running(engine: FlowEngine, client: EngineClient) -> Iterator[None]:
    client.start()
    try:
        engine.wait_loaded()
        if client.failure():
            raise FlowtuiError(client.failure())
        yield
    finally:
        engine.close(_GRACE_S)
        # pytest shows it with a test that fails.
        sys.stdout.writelines(f"{line_text(line)}\n" for line in _lines(client))


def _becomes_idle(client: EngineClient, within: float) -> bool:
    ends_at = time.monotonic() + within
    while not (is_idle := client.is_idle().result(_STORE_S)) and time.monotonic() < ends_at:
        time.sleep(_LOOK_EVERY_S)
    return is_idle


def _views(client: EngineClient) -> list[LoopView]:
    return [view for view in client.snapshot().loops if view.workflow != COLLECTORS]


def _what_moves(client: EngineClient) -> str:
    moving = [view for view in _views(client) if view.state not in AT_REST]
    busy = [view for view in moving if view.reads is None or view.in_flight or not view.waiting]
    told = [f"{view.id} is {view.state}{f' ({view.waiting})' if view.waiting else ''}" for view in busy or moving]
    return (
        f"{', '.join(told)}; give it longer with `within`, name what its producers give in `inputs`, or pass "
        "until_idle=False to look at it after that time"
    )


def _letters(client: EngineClient) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while page := client.dead_letters(before=found[-1].number if found else None, limit=_PAGE).result(_STORE_S):
        found += page
    return found[::-1]


def _lines(client: EngineClient) -> tuple[LogLine, ...]:
    return tuple(line for line in client.logs(0, sys.maxsize).lines if not line.loop.startswith(COLLECTORS))
