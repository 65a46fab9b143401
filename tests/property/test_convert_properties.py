"""Whatever a React Flow export says, its YAML means the same."""

from __future__ import annotations

import contextlib
import io
import json
import string
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowtui.cli.convert import convert
from flowtui.graph.folder import load_file
from flowtui.nodes.registry import discover
from flowtui.workflow.source import parse_source
from flowtui.workflow.writer import workflow_text
from long_runs import tries

REGISTRY = discover(Path("/nowhere"))
TEXTS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]) | st.sampled_from("\n\t "), max_size=12),
    st.text("ab \n#:'\"\\{}[]|>-&*!%@`,?$", max_size=12),
    st.sampled_from(
        ["yes", "null", "~", "1", "1e3", "0x1f", "<<", "2020-01-01", "{{ data.n }}", "x: y\n  z\n", "${A:1}"]
    ),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)


@settings(max_examples=tries(50))
@given(config=st.dictionaries(TEXTS, VALUES, max_size=5), title=TEXTS)
def test_every_value_survives_in_yaml_as_it_was_in_json(config: dict[str, Any], title: str) -> None:
    value = {"name": "w", "description": title, "nodes": {"a": {"type": "t", "title": title, "config": config}}}
    from_json, problems = parse_source(Path("w.json"), json.dumps(value).encode())
    assert from_json is not None, problems
    text = workflow_text(from_json.value, "w", [["a"]], [title])
    from_yaml, problems = parse_source(Path("w.yaml"), text.encode())
    assert from_yaml is not None, (problems, text)
    assert problems == ()
    expected = {
        "name": "w",
        **({"description": title} if title else {}),
        "nodes": {"a": {"type": "t", "title": title, **({"config": config} if config else {})}},
    }
    assert json.dumps(from_yaml.value) == json.dumps(expected), text


IDS = st.one_of(
    st.integers(0, 99).map(str),
    st.text(string.ascii_letters + string.digits + " -_é", min_size=1, max_size=8),
    st.uuids().map(str),
)
LABELS = st.none() | st.text(string.ascii_letters + " é!", max_size=6)


@st.composite
def exports(draw: st.DrawFn) -> dict[str, Any]:
    """A sound export: some loops, a random directed graph in each, joined by queues at random; in any order."""
    ids = draw(st.lists(IDS, min_size=1, max_size=12, unique=True))
    nodes: list[dict[str, Any]] = []
    edges: list[dict[str, Any]] = []
    loops: list[list[tuple[str, str]]] = []
    writers: list[str] = []
    for id in ids:
        if not loops or draw(st.integers(0, 3)) == 0:
            reads = bool(writers) and draw(st.booleans())
            type, config = ("queue-reader", {}) if reads else ("interval", {"every": draw(st.integers(1, 9))})
            loops.append([])
            if reads:
                edges.append({"source": draw(st.sampled_from(writers)), "target": id, "sourceHandle": "right"})
            loop = loops[-1]
        else:
            loop = draw(st.sampled_from(loops))
            type = draw(st.sampled_from(["log", "if", "queue-writer"]))
            config = {"log": {"message": draw(TEXTS)}, "if": {"when": "{{ data.n }}"}, "queue-writer": {}}[type]
            needs = draw(st.lists(st.sampled_from(loop), min_size=1, max_size=3, unique=True))
            for need, need_type in needs:
                handle = draw(st.sampled_from(["yes", "no"] if need_type == "if" else [None, "a"]))
                edges.append({"source": need, "target": id, "sourceHandle": handle})
        if type == "queue-writer":
            writers.append(id)
            config = {"queue": "named"} if draw(st.booleans()) else {}
        loop.append((id, type))
        data = {"label": draw(LABELS), "config": config}
        drawn = {"type": type} if draw(st.booleans()) else {"type": "default", "nodeType": type}
        data |= {"nodeType": type} if "nodeType" in drawn else {}
        nodes.append({"id": id, "type": drawn["type"], "position": {"x": 1, "y": 2}, "data": data})
    joined = {edge["source"] for edge in edges if edge["sourceHandle"] == "right"}
    for node in nodes:
        if node["id"] in writers and node["id"] not in joined:
            node["data"]["config"] = {"queue": "kept"}
    return {"nodes": draw(st.permutations(nodes)), "edges": draw(st.permutations(edges)), "viewport": {"zoom": 1}}


@settings(max_examples=tries(30))
@given(export=exports())
def test_a_converted_export_is_the_same_workflow(export: dict[str, Any]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        drawn, written = Path(folder, "drawn.json"), Path(folder, "written.yaml")
        drawn.write_text(json.dumps(export))
        before = load_file(drawn, {"A": "2"}, REGISTRY)
        # A text may be half a template.
        assume(before.workflow is not None and before.doc is not None)
        assert before.workflow is not None
        assert before.doc is not None
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("A", "2")
            patch.setattr("flowtui.cli.convert.results", lambda: contextlib.nullcontext(io.StringIO()))
            convert.main([str(drawn), "-o", str(written)], standalone_mode=False)
        after = load_file(written, {"A": "2"}, REGISTRY)
        assert after.workflow is not None, (after.problems, written.read_text())
        assert after.doc is not None
        assert (after.doc.name, after.doc.description, after.doc.nodes) == (before.doc.name, "", before.doc.nodes)
        assert after.workflow.revision == before.workflow.revision
        assert [plan.loop for plan in after.workflow.plans] == [plan.loop for plan in before.workflow.plans]
        order = [[node.id for node in plan.nodes] for plan in after.workflow.plans]
        assert order == [[node.id for node in plan.nodes] for plan in before.workflow.plans]
