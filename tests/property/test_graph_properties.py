"""Properties of every valid workflow, and of every text at all."""

import json
import random
import string
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field

from flowtui import BlockingNode, ConditionalNode, NodeConfig, NonBlockingNode, ProducerNode
from flowtui.graph.analyzer import FlowAnalyzer, workflow_revision
from flowtui.graph.builder import FlowBuilder
from flowtui.nodes.registry import NodeType, Registry, discover
from flowtui.workflow.loader import load_document
from flowtui.workflow.source import parse_source
from long_runs import tries


class AnyConfig(NodeConfig):
    number: int = 0
    text: str = ""
    tree: dict[str, dict[str, int]] = Field(default_factory=dict)


class Make(ProducerNode):
    Config = AnyConfig

    async def execute(self):
        return {}


class Work(BlockingNode):
    Config = AnyConfig

    async def execute(self, data):
        return data


class Send(NonBlockingNode):
    Config = AnyConfig

    async def execute(self, data):
        return data


class Fork(ConditionalNode):
    Config = AnyConfig

    async def execute(self, data):
        return "yes"


BUILDER = FlowBuilder(
    Registry(
        {
            **discover(Path("/nowhere")).types,
            **{cls.type: NodeType(cls.type, cls, None, "1") for cls in (Make, Work, Send, Fork)},
        }
    )
)
WORDS = st.text(string.ascii_letters + " :#'\"{}[]é", max_size=8).filter(lambda text: "{{" not in text)
NUMBERS = st.integers(-5, 5)
CONFIGS = st.fixed_dictionaries(
    {"number": NUMBERS},
    optional={
        "text": WORDS,
        "tree": st.dictionaries(WORDS, st.dictionaries(WORDS, NUMBERS, max_size=3), max_size=3),
    },
)


@st.composite
def documents(draw):
    """A valid document: random loops, each a random directed graph below its producer."""
    nodes, loops = {}, []
    for number in range(draw(st.integers(1, 12))):
        node_id = f"n{number}"
        loop = draw(st.sampled_from([None, *loops]))
        if loop is None:
            nodes[node_id] = {"type": "make", "config": draw(CONFIGS)}
            loops.append([node_id])
            continue
        needs = []
        for upstream in draw(st.lists(st.sampled_from(loop), min_size=1, max_size=3, unique=True)):
            ports = ["", ".yes", ".no"] if nodes[upstream]["type"] == "fork" else [""]
            needs.append(upstream + draw(st.sampled_from(ports)))
        kind = draw(st.sampled_from(["work", "send", "fork"]))
        nodes[node_id] = {"type": kind, "needs": needs, "config": draw(CONFIGS)}
        loop.append(node_id)
    order = draw(st.permutations(list(nodes)))
    return {"name": "flow", "nodes": {node_id: nodes[node_id] for node_id in order}}


def as_yaml(value, indent="", comment=""):
    """Block style with quoted scalars, which every YAML reader reads back as the same value."""
    if not isinstance(value, dict) or not value:
        return f" {json.dumps(value)}{comment}\n"
    lines = [f"{indent}{json.dumps(key)}:{as_yaml(child, indent + '  ', comment)}" for key, child in value.items()]
    return f"{comment}\n" + "".join(lines)


def plans_of(tmp_path, text):
    path = tmp_path / "flow.yaml"
    path.write_text(text)
    doc, problems = load_document(path, {})
    graph, more = BUILDER.build(doc)
    assert (*problems, *more) == ()
    return FlowAnalyzer(graph).plans()


def shuffled(value, source):
    """The same value, all mappings in it with their keys in another order; lists keep theirs."""
    if isinstance(value, dict):
        keys = list(value)
        source.shuffle(keys)
        return {key: shuffled(value[key], source) for key in keys}
    return value


@settings(max_examples=tries(50))
@given(document=documents())
def test_every_node_is_in_exactly_one_loop_behind_all_that_it_needs(tmp_path_factory, document):
    plans = plans_of(tmp_path_factory.getbasetemp(), as_yaml(document))
    assert sorted(node.id for plan in plans for node in plan.nodes) == sorted(document["nodes"])
    assert sum(node["type"] == "make" for node in document["nodes"].values()) == len(plans)
    for plan in plans:
        assert plan.loop == f"flow.{plan.nodes[0].id}"
        assert [node.index for node in plan.nodes] == list(range(len(plan.nodes)))
        for node in plan.nodes:
            written = document["nodes"][node.id].get("needs", [])
            assert [
                plan.nodes[need.index].id + (f".{need.port}" if need.port else "") for need in node.needs
            ] == written
            assert all(need.index < node.index for need in node.needs)
            assert all(node.index in {need.index for need in plan.nodes[other].needs} for other in node.dependants)
            assert all(node.index in plan.nodes[need.index].dependants for need in node.needs)
            assert len(set(node.dependants)) == len(node.dependants)


@settings(max_examples=tries(40))
@given(document=documents(), seed=st.integers(0, 1000))
def test_layout_does_not_change_a_revision_and_every_config_value_does(tmp_path_factory, document, seed):
    folder = tmp_path_factory.getbasetemp()
    before = plans_of(folder, as_yaml(document))
    source = random.Random(seed)
    relaid = plans_of(folder, as_yaml(shuffled(document, source), comment="  # new\n"))
    assert {p.loop: p.revision for p in relaid} == {p.loop: p.revision for p in before}
    assert workflow_revision(relaid) == workflow_revision(before)

    changed = source.choice(list(document["nodes"]))
    document["nodes"][changed]["config"]["number"] += 1
    after = plans_of(folder, as_yaml(document))
    assert workflow_revision(after) != workflow_revision(before)
    for old, new in zip(before, after, strict=True):
        touched = any(node.id == changed for node in old.nodes)
        assert (old.revision != new.revision) is touched


VALID = """name: any
nodes:
  t: {type: make, config: {number: 1, text: "${A:x} y"}, loop: {pool: thread}}
  f: {type: fork, needs: t, config: &c {text: '{{ data.x }}'}}
  w:
    type: work
    needs: [f.yes, t]
    config:
      <<: *c
      tree: {a: {b: 1}}
  q: {type: queue-writer, needs: [w, f.no]}
  r: {type: queue-reader, needs: q, config: {queue: done}}
"""
PIECES = """
    nodes: type: work make queue-reader needs: f t.x config: loop: queue: name: - ? , { } [ ] {{ }} ${ ${A} $ " '
    &c *c <<: !!int !x # | > null 1 -1.5 é \ufeff \x00 \\ud800 --- 2024-01-01 .inf
"""
EDITS = st.lists(
    st.tuples(
        st.integers(0, len(VALID)),
        st.integers(0, 12),
        st.sampled_from(["", "\n", "\n  ", "  ", "\t", " ", *PIECES.split()]),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=tries(150))
@given(edits=EDITS)
def test_no_damage_to_a_file_brings_a_traceback(tmp_path_factory, edits):
    text = VALID
    for at, length, piece in edits:
        text = text[:at] + piece + text[at + length :]
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(text.encode())
    doc, problems = load_document(path, {})
    graph, more = BUILDER.build(doc) if doc is not None else (None, ())
    assert graph is not None or problems or more
    if graph is not None:
        assert FlowAnalyzer(graph).plans()
    lines = text.splitlines()
    for problem in (*problems, *more):
        assert 1 <= problem.line <= len(lines) + 1
        assert 1 <= problem.column <= max(map(len, lines)) + 1
        assert "\n" not in problem.message


@settings(max_examples=tries(100))
@given(data=st.binary(max_size=60), suffix=st.sampled_from([".yaml", ".json"]))
def test_no_bytes_at_all_bring_a_traceback(data, suffix):
    source, problems = parse_source(Path("any" + suffix), data)
    assert source is not None or problems
