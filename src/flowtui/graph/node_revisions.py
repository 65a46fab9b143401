"""What decides what a node makes of an item: by these hashes one knows whether data of it is up to date."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from flowtui.graph.plan import ExecutionPlan, PlanNode


def digest(value: Any) -> str:
    """Return a hash of what JSON can hold; equal values have equal ones."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def revisions(plan: ExecutionPlan, index: int) -> dict[str, str]:
    """Return the hashes of the code and config of a node and of all upstream of it, by id, the producer first."""
    wanted = {index}
    for node in reversed(plan.nodes[: index + 1]):  # each stands behind all that it needs
        if node.index in wanted:
            wanted.update(need.index for need in node.needs)
    return {plan.nodes[each].id: _revision(plan, plan.nodes[each]) for each in sorted(wanted)}


def _revision(plan: ExecutionPlan, node: PlanNode) -> str:
    """Hash what changes a node's output; retries and a timeout do not."""
    needs = [[plan.nodes[need.index].id, need.port] for need in node.needs]
    return digest([node.type.name, node.type.revision, node.config, needs, node.queue, dict(node.env)])
