"""A task that a process has been given: one node is run, and what has come of it is put into words."""

from __future__ import annotations

import asyncio
import json
import threading

from flowtui.engine.dev_wire import Result, Task
from flowtui.engine.execute import author_place, author_traceback, text_of
from flowtui.engine.letter_secrets import masked_data
from flowtui.engine.logs import attribute_tasks
from flowtui.engine.one_node import OneNode, Wanted
from flowtui.engine.watchdog import Watchdog
from flowtui.graph.packed_plan import unpack
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.data import Meta, NodeData, why_no_json
from flowtui.model.development import NodeFailure, Stored
from flowtui.model.ids import new_id
from flowtui.model.letters import as_json_can
from flowtui.model.states import Outcome
from flowtui.nodes.base import Pool
from flowtui.nodes.masking import masker


def run_task(task: Task) -> Result:
    """Run a node as a loop in production would; never raises, and may take for ever."""
    for name, value in task.secrets.items():
        masker.learn(name, value)
    try:
        plan = unpack(task.plan)
    except BaseException as error:  # whatever a module does while it is imported
        return Result(failure=_failure(error))
    data = task.item
    given = Wanted(task.cursor, outcome=Outcome.GIVEN_UP) if data is None else _item(data, task.trace, plan)
    may_inline = plan.pool is not Pool.ASYNCIO
    run = OneNode(plan.nodes[0], plan.loop, plan.path.parent, given, secrets=task.secrets, may_inline=may_inline)
    if plan.pool is Pool.PROCESS:
        _live(run, plan.pool)
    else:  # where such loops live in production
        thread = threading.Thread(target=_live, args=(run, plan.pool), name=plan.loop, daemon=True)
        thread.start()
        thread.join()
    return _result(run)


def _live(run: OneNode, pool: Pool) -> None:
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    attribute_tasks(loop)
    try:
        with Watchdog().watching(loop, loops=(lambda: 1) if pool is Pool.ASYNCIO else None):
            loop.run_until_complete(run.go())
    except BaseException as error:
        run.error = error
        run.is_left = True
    finally:
        for left in asyncio.all_tasks(loop):
            left.cancel()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


def _item(data: Stored, trace: str, plan: ExecutionPlan) -> NodeData:
    id = data.id or new_id()
    return data.as_data(id, Meta(trace or id, plan.loop, revision=plan.revision))


def _result(run: OneNode) -> Result:
    is_clean = not run.is_left
    if run.error is not None:
        return Result(run.ms, failure=_failure(run.error), is_clean=is_clean)
    output = run.output
    if output is None:
        return Result(run.ms, note=_why_nothing(run), is_clean=is_clean)
    stored, is_exact = _stored(output)
    notes = []
    if not is_exact:
        why = why_no_json(output.payload, "output") or "the output is no JSON"
        notes.append(f"shown as text, and no input for others: {why}")
    if masker.is_needed and (shown := masked_data(stored)) != stored:
        stored = shown
        notes.append("a secret in the output is shown as ***NAME***, and others get just that")
    return Result(run.ms, stored, run.port or "", "; ".join(notes), is_whole=is_exact, is_clean=is_clean)


def _why_nothing(run: OneNode) -> str:
    if run.is_completed:
        return "exhausted"
    if not run.is_producer:
        return "dropped the item"
    return f"nothing now: {masker.mask(run.waiting)}" if run.waiting else "nothing now"


def _stored(data: NodeData) -> tuple[Stored, bool]:
    """Return data as JSON can hold it, and whether that is all of it."""
    payload, is_exact = as_json_can(data.payload)
    branches = {need: _stored(each) for need, each in data.by.items()}
    by = {need: each for need, (each, _) in branches.items()}
    # Lists in place of tuples, and texts in place of other keys, as a queue would make them.
    payload = json.loads(json.dumps(payload))
    return Stored(payload, by, data.id), is_exact and all(exact for _, exact in branches.values())


def _failure(error: BaseException) -> NodeFailure:
    return NodeFailure(type(error).__name__, text_of(error), author_place(error), author_traceback(error))
