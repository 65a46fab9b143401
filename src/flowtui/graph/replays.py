"""What of a loop runs when a dead letter is replayed, and what that needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from flowtui.graph.plan import ExecutionPlan, PlanNeed, PlanNode
from flowtui.model.letters import DeadLetter


class GivenEdge(NamedTuple):
    """An edge into a join behind a failed node that came from elsewhere, so that a replay must be given it.

    Attributes:
        edge: its place in the join's needs.
        name: `node` or `node.port`, as in the file.
    """

    join: PlanNode
    edge: int
    need: PlanNeed
    name: str


def behind(plan: ExecutionPlan, index: int) -> frozenset[int]:
    """Return the indices of a node and of all that is reached from it: what a failure there keeps from running."""
    found: set[int] = set()
    waiting = [index]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            waiting += plan.nodes[each].dependants
    return frozenset(found)


def given_edges(plan: ExecutionPlan, index: int) -> Iterator[GivenEdge]:
    """Yield what joins behind a node need from nodes that are not behind it."""
    reached = behind(plan, index)
    for each in sorted(reached - {index}):
        join = plan.nodes[each]
        if len(join.needs) > 1:
            for edge, need in enumerate(join.needs):
                if need.index not in reached:
                    yield GivenEdge(join, edge, need, need_name(plan, need))


def need_name(plan: ExecutionPlan, need: PlanNeed) -> str:
    """Return how the file names the end of an edge."""
    id = plan.nodes[need.index].id
    return id if need.port is None else f"{id}.{need.port}"


def index_of(plan: ExecutionPlan, node: str) -> int | None:
    """Return the index of a node, None if the loop has none of that id."""
    return next((each.index for each in plan.nodes if each.id == node), None)


def why_not(plan: ExecutionPlan, letter: DeadLetter, *, from_start: bool) -> str:
    """Return why this plan cannot run a letter and what to do, empty if it can."""
    if why := letter.why_not(from_start=from_start):
        return why
    index = index_of(plan, letter.node)
    if letter.batch and plan.batch is None and (from_start or index == 0):
        return (
            f"letter {letter.number} holds a batch of {letter.batch} items, and {letter.loop} takes none any more; "
            "give its reader a `batch` again"
        )
    if from_start:
        return ""
    if index is None:
        return (
            f"letter {letter.number}: {letter.loop} has no node {letter.node} any more; replay it from the start, or "
            "give a node that name again"
        )
    if letter.alone:
        was = f"letter {letter.number}: {letter.node} is no queue-writer any more"
        return "" if plan.nodes[index].queue is not None else f"{was}; replay it from the start"
    missing = sorted({given.name for given in given_edges(plan, index) if given.name not in letter.upstream})
    if missing:
        return (
            f"letter {letter.number}: a join behind {letter.node} needs {', '.join(missing)} now, whose output the "
            "letter does not hold; replay it from the start"
        )
    return ""
