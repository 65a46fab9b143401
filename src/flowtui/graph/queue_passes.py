"""The passes that find out which queue every reader and writer works on, and what is odd about the queues."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from flowtui.graph.flow_graph import DraftNode, GraphDraft
from flowtui.model.errors import Severity
from flowtui.model.ids import loop_id
from flowtui.model.states import OnFull
from flowtui.nodes.builtin.queues import QueueWriter
from flowtui.nodes.expressions import is_template
from flowtui.storage.records import Bound, trigger_queue

_QUEUE = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9_-]*")


class QueueMapper:
    """Every queue-reader and queue-writer has one queue: named by one of the nodes joined to it, or after a writer.

    A trigger has one that nobody else sees.
    """

    def apply(self, draft: GraphDraft) -> None:
        for node in draft.nodes.values():
            if node.is_trigger:
                node.queue = trigger_queue(loop_id(draft.doc.name, node.id))
        nodes = [node for node in draft.nodes.values() if node.is_reader or node.is_writer]
        unclear = draft.has_unknown_nodes
        for node in nodes:
            if node.has_sound_config:
                node.queue = self._explicit(draft, node)
            unclear = unclear or node.doubtful or not node.has_sound_config
        for group in self._joined(draft, nodes):
            self._name(draft, group, unclear)

    def _explicit(self, draft: GraphDraft, node: DraftNode) -> str | None:
        """Return the full name of the queue that the node's config names, None if it names none."""
        name = node.doc.config.get("queue") or ""
        if name and not _QUEUE.fullmatch(name):
            message = (
                "a queue's name can't hold a template: it is the same for all items"
                if is_template(name)
                else (
                    f"'{name}' is no queue name: use letters, digits, '-' and '_'; "
                    "'/name' is a queue that all workflows share"
                )
            )
            draft.report(node, ("config", "queue"), message, "bad-queue")
            node.has_sound_config = False
            return None
        return full_name(draft.doc.name, name) if name else None

    def _joined(self, draft: GraphDraft, nodes: list[DraftNode]) -> list[list[DraftNode]]:
        """Return groups of nodes that edges join to one queue."""
        group_of = {node.id: [node] for node in nodes}
        for reader in nodes:
            for index, writer in reader.writers:
                ours, theirs = group_of[reader.id], group_of[writer]
                if ours is theirs:
                    continue
                name, other = _name_of(ours), _name_of(theirs)
                if name and other and name != other:
                    message = (
                        f"the edge from '{writer}' to '{reader.id}' joins two queues, '{other}' and '{name}': "
                        "name one of them, or give both the same name"
                    )
                    draft.report(reader, ("needs", index), message, "queue-conflict")
                    reader.has_sound_config = draft.nodes[writer].has_sound_config = False
                    continue
                theirs.extend(ours)
                group_of.update({node.id: theirs for node in ours})
        return list({id(group): group for group in group_of.values()}.values())

    def _name(self, draft: GraphDraft, group: list[DraftNode], unclear: bool) -> None:
        name = _name_of(group)
        if name is None and len(group) > 1:
            first = next(node for node in draft.nodes.values() if node.is_writer and node in group)
            name = f"{draft.doc.name}.{first.id}"
        for node in group:
            node.queue = name
            if name is None and not unclear:
                other = "let it need a queue-writer" if node.is_reader else "let a queue-reader need it"
                what = "reader" if node.is_reader else "writer"
                draft.report(node, (), f"queue-{what} '{node.id}' has no queue: add 'queue:' or {other}", "no-queue")


class BatchCheck:
    """Only what reads a queue takes batches."""

    def apply(self, draft: GraphDraft) -> None:
        for producer in draft.producers():
            options = producer.doc.loop
            if options is not None and options.batch is not None and producer.type and not producer.is_reader:
                message = (
                    f"'{producer.id}' makes its items one by one, so it can't have batches: put a queue behind it and "
                    f"give the queue's reader the `batch`"
                )
                draft.report(producer, ("loop", "batch"), message, "no-batch")


class QueueLint:
    """Every queue of this workflow is written and read; a shared one may have its other end elsewhere.

    An end whose queue is not known, since its config is wrong, may be the one that is missing.
    """

    def apply(self, draft: GraphDraft) -> None:
        if draft.has_unknown_nodes:
            return
        ends: dict[str, list[DraftNode]] = {}
        unclear = [node for node in draft.nodes.values() if not node.has_sound_config]
        a_reader, a_writer = any(node.is_reader for node in unclear), any(node.is_writer for node in unclear)
        for node in draft.nodes.values():
            if node.queue is not None and not node.queue.startswith("/") and not node.is_trigger:
                ends.setdefault(node.queue, []).append(node)
        for queue, nodes in ends.items():
            short = queue.partition(".")[2]
            if not (a_reader or any(node.is_reader for node in nodes)):
                message = f"nothing reads queue '{queue}': add a queue-reader, or share it with others as '/{short}'"
                self._warn(draft, nodes[0], message, "queue-without-reader")
            elif not (a_writer or any(node.is_writer for node in nodes)):
                message = f"nothing writes queue '{queue}': add a queue-writer, or share it with others as '/{short}'"
                self._warn(draft, nodes[0], message, "queue-without-writer")

    def _warn(self, draft: GraphDraft, node: DraftNode, message: str, code: str) -> None:
        draft.report(node, ("config", "queue"), message, code, severity=Severity.WARNING)


class QueueBounds:
    """What a queue holds is known before the first item, and all writers of a workflow agree on it."""

    def apply(self, draft: GraphDraft) -> None:
        first: dict[str, DraftNode] = {}
        for node in draft.nodes.values():
            if not (node.is_writer and node.queue and node.has_sound_config):
                continue
            try:
                bound = bound_of(node.doc.config)
            except ValidationError:
                message = (
                    "a queue-writer's config can't hold a template or secret: its queue has one bound for all items"
                )
                draft.report(node, ("config",), message, "bad-config")
                node.has_sound_config = False
                continue
            other = first.setdefault(node.queue, node)
            if bound_of(other.doc.config) != bound:
                message = f"'{other.id}' writes the same queue with another max_items or on_full: give both the same"
                draft.report(node, ("config",), message, "queue-conflict")
                node.has_sound_config = False


class QueueRings:
    """Loops that wait for each other's queues in a ring would stand still once all of these are full."""

    def apply(self, draft: GraphDraft) -> None:
        writers = [node for node in draft.nodes.values() if node.is_writer and node.queue and node.loop]
        readers = [node for node in draft.nodes.values() if node.is_reader and node.queue]
        leads: dict[str, list[tuple[str, DraftNode]]] = {}
        for writer in writers:
            if writer.loop and writer.has_sound_config and _waits(writer):
                reached = [(reader.id, writer) for reader in readers if reader.queue == writer.queue]
                leads.setdefault(writer.loop, []).extend(reached)
        told: set[str] = set()
        for start in leads:
            ring = _ring(leads, start)
            if ring and not told & {writer.id for writer in ring}:
                told |= {writer.id for writer in ring}
                names = " → ".join(f"'{writer.queue}'" for writer in ring)
                message = (
                    f"the loops that write {names} wait for each other once all is full: give one of the writers "
                    "'max_items: 0' or another 'on_full'"
                )
                draft.report(ring[0], ("config",), message, "queue-ring", severity=Severity.WARNING)


def full_name(workflow: str, name: str) -> str:
    """Return the full name of the queue that a config of a workflow calls `name`."""
    return name if name.startswith("/") else f"{workflow}.{name}"


def bound_of(config: Mapping[str, Any]) -> Bound:
    """Return the bound that a queue-writer's config gives its queue.

    Raises:
        ValidationError: if it holds a template.
    """
    checked = QueueWriter.Config.model_validate(dict(config))
    return Bound(checked.max_items, checked.on_full)


def _waits(writer: DraftNode) -> bool:
    bound = bound_of(writer.doc.config)
    return bound.max_items > 0 and bound.on_full is OnFull.WAIT


def _ring(leads: Mapping[str, list[tuple[str, DraftNode]]], start: str) -> list[DraftNode]:
    """Return the writers on a shortest way from a loop back to itself, none if there is no way."""
    ways: list[tuple[str, list[DraftNode]]] = [(start, [])]
    seen: set[str] = set()
    for loop, way in ways:
        for reader, writer in leads.get(loop, []):
            if reader == start:
                return [*way, writer]
            if reader not in seen:
                seen.add(reader)
                ways.append((reader, [*way, writer]))
    return []


def _name_of(group: list[DraftNode]) -> str | None:
    return next((node.queue for node in group if node.queue), None)
