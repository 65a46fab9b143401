"""The passes that turn a document into a graph: what each node is, what it needs, which loop it belongs to."""

from __future__ import annotations

import inspect
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Protocol

from flowtui.graph.flow_graph import DraftNode, FlowNeed, GraphDraft
from flowtui.graph.plan import not_replicable
from flowtui.model.errors import NodeError, Severity
from flowtui.model.spelling import did_you_mean
from flowtui.model.states import NodeKind
from flowtui.nodes.base import BaseNode, ConditionalNode, Pool, ProducerNode
from flowtui.nodes.config_faults import dotted
from flowtui.nodes.fields import choice_errors
from flowtui.nodes.functions import find_function
from flowtui.nodes.modules import one_line
from flowtui.nodes.registry import Registry
from flowtui.nodes.templates import compile_config
from flowtui.workflow.source import KeyPath


class Pass(Protocol):
    """One step of a `FlowBuilder`: fills in a part of the draft and reports what is wrong with it."""

    def apply(self, draft: GraphDraft) -> None: ...


class NodeValidator:
    """Every type is known and every config fits its type."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def apply(self, draft: GraphDraft) -> None:
        for node in draft.nodes.values():
            self._find_type(draft, node)
            if node.type is None:
                continue
            if not draft.lacks(node, "config"):
                self._check_config(draft, node, node.type.cls)
            if node.doc.loop is not None and not node.is_producer:
                message = f"'loop' belongs to a producer, and '{node.id}' ({node.type.name}) is none: move it there"
                draft.report(node, ("loop",), message, "loop-on-consumer", key=True)
            self._check_tries(draft, node)

    def _find_type(self, draft: GraphDraft, node: DraftNode) -> None:
        name = node.doc.type
        reason = self._registry.blocked(name)
        if reason:
            draft.report(node, ("type",), f"node type '{name}' can't be used: {reason}", "ambiguous-node")
            return
        node.type = self._registry.find(name)
        if node.type is None:
            close = self._registry.suggest(name)
            hint = f" (did you mean '{close}'?)" if close else ": check its spelling, or define it in nodes/*.py"
            draft.report(node, ("type",), f"unknown node type '{name}'{hint}", "unknown-node")

    def _check_tries(self, draft: GraphDraft, node: DraftNode) -> None:
        if node.is_dedupe and node.doc.cache is not None:
            message = f"'cache' can't be used here: '{node.id}' ({node.doc.type}) must look at every item; remove it"
            draft.report(node, ("cache",), message, "no-cache", key=True)
        if not (node.is_producer or node.is_writer):
            return
        why = "is asked again by itself" if node.is_producer else "is part of the commit, which is repeated by itself"
        for field, given in (("retry", node.doc.retry), ("timeout", node.doc.timeout)):
            if given is not None:
                message = f"'{field}' has no use here: '{node.id}' ({node.doc.type}) {why}; remove it"
                draft.report(node, (field,), message, "no-retry", key=True)
        if node.doc.cache is not None:
            why = "makes new items" if node.is_producer else "must write every item, also one that equals another"
            message = f"'cache' can't be used here: '{node.id}' ({node.doc.type}) {why}; remove it"
            draft.report(node, ("cache",), message, "no-cache", key=True)

    def _check_config(self, draft: GraphDraft, node: DraftNode, cls: type[BaseNode]) -> None:
        has_item = cls.kind is not NodeKind.PRODUCER
        template, problems = compile_config(cls.Config, node.doc.config, has_item=has_item, env=draft.doc.env)
        node.env = template.env if template is not None else {}
        for problem in problems:
            path: KeyPath = ("config", *problem.path)
            unknown = problem.code == "unknown-field"
            named = unknown or not problem.path or ("nodes", node.id, *path) not in draft.doc.source.values
            message = problem.message if named else f"{dotted(problem.path)}: {problem.message}"
            draft.report(node, path, " ".join(message.split()).rstrip("."), problem.code, key=unknown)
        node.has_sound_config = not problems
        # A warning, as choices are what an author's function says today; what a config may be, its class says.
        for error in choice_errors(cls.Config, node.doc.config) if not problems else ():
            message = f"{dotted(error.path)}: {error.message}"
            draft.report(node, ("config", *error.path), message, "not-a-choice", severity=Severity.WARNING)
        if not problems and cls.function_setting in node.doc.config:
            self._find_function(draft, node, cls.function_setting)
        if problems or not issubclass(cls, ConditionalNode):
            return
        try:
            node.ports = tuple(cls.ports_for(node.doc.config))
        except Exception as error:  # an author's code may raise anything
            message = f"{cls.__name__}.ports_for() failed on this config: {one_line(error)}"
            draft.report(node, ("config",), message, "bad-config", key=True)
            node.has_sound_config = False

    def _find_function(self, draft: GraphDraft, node: DraftNode, setting: str) -> None:
        assert node.type is not None
        try:
            found = find_function(str(node.doc.config[setting]), self._registry.modules)
        except NodeError as error:
            draft.report(node, ("config", setting), str(error), "bad-function")
            node.has_sound_config = False
            return
        node.type = replace(node.type, function=found.reference, function_digest=found.digest)


class NeedsResolver:
    """Every need names a node, and a port if it says so; no node waits for itself."""

    def apply(self, draft: GraphDraft) -> None:
        for node in draft.nodes.values():
            node.doubtful = draft.lacks(node, "needs")
            seen: set[str] = set()
            for index, text in enumerate(node.doc.needs):
                problem = self._resolve(draft, node, index, text, seen)
                if problem:
                    draft.report(node, ("needs", index), *problem)
                    node.doubtful = True
                seen.add(text)
        self._cut_cycles(draft)

    def _resolve(
        self, draft: GraphDraft, node: DraftNode, index: int, text: str, seen: set[str]
    ) -> tuple[str, str] | None:
        """Add the edge to the node, or return message and code."""
        name, dot, port = text.partition(".")
        if text in seen:
            return f"'{node.id}' needs '{text}' twice: remove one", "duplicate-need"
        if name == node.id:
            return f"'{node.id}' needs itself: remove it", "self-need"
        if name in draft.doc.unusable:
            node.doubtful = True
            return None
        upstream = draft.nodes.get(name)
        if upstream is None:
            others = [other for other in draft.nodes if other != node.id]
            hint = did_you_mean(name, others) or ": write the id of another node of this file"
            return f"unknown node '{name}' in 'needs'{hint}", "unknown-need"
        if dot and upstream.type is not None:
            problem = _port_problem(upstream, port)
            if problem:
                return problem
        if node.type is None and upstream.is_writer:
            return None  # it may be meant to be a queue-reader, into which no data flows
        if not node.is_producer:
            node.needs.append((index, FlowNeed(name, port if dot else None)))
        elif node.is_reader and upstream.is_writer:
            node.writers.append((index, name))
        elif upstream.type is not None:
            message = f"'{node.id}' is a producer, so it can't need '{name}'"
            if node.is_reader:
                message = f"a queue-reader can need queue-writers only, and '{name}' is none"
            return message, "producer-needs"
        return None

    def _cut_cycles(self, draft: GraphDraft) -> None:
        while True:
            needs = {node.id: [need.node for _, need in node.needs] for node in draft.nodes.values()}
            try:
                TopologicalSorter(needs).prepare()
            except CycleError as error:
                self._cut(draft, error.args[1])
            else:
                return

    def _cut(self, draft: GraphDraft, cycle: list[str]) -> None:
        # graphlib names each node before the one that needs it, and the first again at the end.
        ring = cycle[:-1]
        start = min(range(len(ring)), key=lambda place: list(draft.nodes).index(ring[place]))
        ring = [*ring[start:], *ring[:start]]
        node = draft.nodes[ring[0]]
        index = next(index for index, need in node.needs if need.node == ring[-1])
        names = " → ".join([*ring, ring[0]])
        draft.report(node, ("needs", index), f"the needs go round in a circle, {names}: remove one of them", "cycle")
        node.needs = [(at, need) for at, need in node.needs if at != index]
        node.doubtful = True


class Reachability:
    """Every node belongs to the loop of exactly one producer."""

    def apply(self, draft: GraphDraft) -> None:
        unclear = draft.has_unknown_nodes or any(node.doubtful for node in draft.nodes.values())
        if not any(draft.producers()) and not unclear:
            message = "the workflow has no producer, so nothing would ever run: add one, for example an 'interval'"
            draft.problems.append(draft.doc.problem(("nodes",), message, "no-producer", key=True))
            return
        order = TopologicalSorter({node.id: [n.node for _, n in node.needs] for node in draft.nodes.values()})
        for node_id in order.static_order():
            node = draft.nodes[node_id]
            if node.is_producer:
                node.loop = node.id
            elif node.needs:
                self._join(draft, node)
            elif node.type is not None and not node.doubtful:
                message = f"no producer reaches '{node.id}': add 'needs:' with the node that feeds it"
                draft.report(node, (), message, "unreachable")

    def _join(self, draft: GraphDraft, node: DraftNode) -> None:
        for index, need in node.needs:
            loop = draft.nodes[need.node].loop
            if node.loop is None:
                node.loop = loop
            elif loop is not None and loop != node.loop:
                message = (
                    f"'{node.id}' would join the loops of '{node.loop}' and '{loop}': "
                    "connect two loops with a queue-writer and a queue-reader"
                )
                draft.report(node, ("needs", index), message, "join-across-loops")
                return


class PoolChooser:
    """Every loop has a pool that suits all its nodes."""

    def apply(self, draft: GraphDraft) -> None:
        for producer in draft.producers():
            members = [node for node in draft.members(producer.id) if node.type is not None]
            demanding = max(members, key=_demand)
            demand = _demand(demanding)
            named = producer.doc.loop.pool if producer.doc.loop else None
            if named is None:
                draft.pools[producer.id] = max(demand, Pool.THREAD) if any(map(_is_plain, members)) else demand
                continue
            draft.pools[producer.id] = Pool[named.upper()]
            if draft.pools[producer.id] < demand:
                message = (
                    f"pool '{named}' is too little for node '{demanding.id}', which needs '{demand.label}': "
                    "write that, or leave it out"
                )
                draft.report(producer, ("loop", "pool"), message, "pool")


class ReplicaCheck:
    """Only a producer that several tracks may run at once has replicas."""

    def apply(self, draft: GraphDraft) -> None:
        for producer in draft.producers():
            options = producer.doc.loop
            if options is None or options.replicas == 1 or producer.type is None:
                continue
            cls = producer.type.cls
            if issubclass(cls, ProducerNode) and not cls.replicable:
                message = (
                    f"'{producer.id}' can't have {options.replicas} replicas: {not_replicable(producer.type.name)}"
                )
                draft.report(producer, ("loop", "replicas"), message, "not-replicable")


def _demand(node: DraftNode) -> Pool:
    return node.type.cls.pool if node.type else Pool.ASYNCIO


def _is_plain(node: DraftNode) -> bool:
    """Say whether a node's work is a plain function, which would hold an event loop up."""
    return node.type is not None and not inspect.iscoroutinefunction(getattr(node.type.cls, "execute", None))


def _port_problem(upstream: DraftNode, port: str) -> tuple[str, str] | None:
    if upstream.type is None or upstream.kind is not NodeKind.CONDITIONAL:
        return f"'{upstream.id}' is no conditional, so it has no port '{port}': write only its id", "unknown-port"
    if not upstream.has_sound_config or port in upstream.ports:
        return None
    listed = ", ".join(f"'{name}'" for name in upstream.ports)
    hint = did_you_mean(port, upstream.ports) or f": it has {listed}"
    return f"'{upstream.id}' has no port '{port}'{hint}", "unknown-port"
