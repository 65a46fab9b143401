"""The pass that finds nodes of which nothing ever comes."""

from __future__ import annotations

from pathlib import Path

from flowtui.graph.flow_graph import GraphDraft
from flowtui.model.errors import Severity
from flowtui.model.states import NodeKind
from flowtui.nodes.checks import hands_on_nothing

_WHAT_TO_RETURN = {
    NodeKind.PRODUCER: "return an item",
    NodeKind.BLOCKING: "end it with `return data`",
    NodeKind.NON_BLOCKING: "end it with `return data`",
    NodeKind.CONDITIONAL: "return a port's name",
}


class ReturnCheck:
    """The `execute` of every node that others need returns something."""

    def apply(self, draft: GraphDraft) -> None:
        behind = {need.node: node.id for node in reversed(draft.nodes.values()) for _, need in node.needs}
        for node in draft.nodes.values():
            if node.type is None or node.type.source is None or node.id not in behind:
                continue
            line = hands_on_nothing(node.type.cls)
            if line:
                place = f"{Path(node.type.source).name}:{line}"
                message = (
                    f"nothing ever comes from '{node.id}' to '{behind[node.id]}': execute() of '{node.type.name}' "
                    f"({place}) never returns anything; {_WHAT_TO_RETURN[node.type.cls.kind]}"
                )
                draft.report(node, ("type",), message, "no-return", severity=Severity.WARNING)
