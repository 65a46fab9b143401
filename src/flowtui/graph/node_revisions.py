"""What decides what a node makes of an item: by these hashes one knows whether data of it is up to date."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from flowtui.graph.plan import ExecutionPlan, PlanNode


def digest(value: Any) -> str:
    """Return a hash of what JSON can hold; equal values have equal ones."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def revisions(plan: ExecutionPlan, index: int) -> dict[str, str]:
    """Return the hashes of the code and config of a node and of all upstream of it, by id, the producer first."""
    return {plan.nodes[each].id: _revision(plan, plan.nodes[each]) for each in (*upstream(plan, index), index)}


def upstream(plan: ExecutionPlan, index: int) -> list[int]:
    """Return the indices of all nodes on which a node depends, the producer first."""
    wanted = {index}
    for node in reversed(plan.nodes[: index + 1]):  # each stands behind all that it needs
        if node.index in wanted:
            wanted.update(need.index for need in node.needs)
    return sorted(wanted - {index})


def what_changed(node: str, then: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return in one clause what has changed in a node or upstream of it between two `revisions`, else nothing.

    Of several changes the one closest to the node is told. Nothing is said to have changed since what is not known.
    """
    if not then:
        return ""
    for id in reversed([*now]):
        if id not in then:
            return f"{id} is upstream of it since"
        if then[id] != now[id]:
            parts = zip(("code", "config"), then[id].split("."), now[id].split("."), strict=False)
            what = " and ".join(name for name, before, after in parts if before != after)
            whose = f"its {what}" if id == node else f"the {what} of {id}"
            return f"{whose} {'have' if ' ' in what else 'has'} changed since"
    gone = [id for id in then if id not in now]
    return f"{gone[-1]} is not upstream of it any more" if gone else ""


def _revision(plan: ExecutionPlan, node: PlanNode) -> str:
    """Hash what changes a node's output, its code before the dot and all else behind; retries and a timeout do not."""
    needs = [[plan.nodes[need.index].id, need.port] for need in node.needs]
    return f"{digest([node.type.name, node.type.revision])}.{digest([node.config, needs, node.queue, dict(node.env)])}"
