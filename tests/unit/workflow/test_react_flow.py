"""React Flow exports are workflows, whatever their editor wrote beside."""

import json
from pathlib import Path

import pytest

from flowtui.graph.folder import load_file
from flowtui.model.errors import Severity
from flowtui.nodes.registry import discover

REGISTRY = discover(Path("/nowhere"))
DRAWN = {"position": {"x": 10, "y": -4.5}, "selected": False, "dragging": False}
VERSION_11 = {"width": 150, "height": 40, "positionAbsolute": {"x": 10, "y": -4.5}, "targetPosition": "left"}
VERSION_12 = {"measured": {"width": 150, "height": 40}, "style": {"opacity": 1}, "zIndex": 3}


def node(id, type, drawn=VERSION_12, **data):
    return {"id": id, "type": type, **DRAWN, **drawn, "data": data}


def edge(source, target, handle=None, **others):
    return {"id": f"xy-edge__{source}-{target}", "source": source, "target": target, "sourceHandle": handle, **others}


def text_of(nodes, edges=(), **others):
    return json.dumps({"nodes": nodes, "edges": list(edges), "viewport": {"x": 0, "y": 0, "zoom": 1.5}, **others})


@pytest.fixture
def load(tmp_path):
    def load(nodes, edges=(), **others):
        path = tmp_path / "drawn.json"
        path.write_text(text_of(nodes, edges, **others))
        return load_file(path, {"HOST": "here"}, REGISTRY)

    return load


@pytest.fixture
def sound(load):
    """Return the document of an export that has no problems."""

    def sound(nodes, edges=(), **others):
        loaded = load(nodes, edges, **others)
        assert [str(problem) for problem in loaded.problems] == []
        return loaded.doc

    return sound


@pytest.fixture
def problems_of(tmp_path):
    """Return message and code of the only problem, which must be where the text holds `§`."""

    def problems_of(text, severity=Severity.ERROR):
        before = text.partition("§")[0]
        assert before != text
        path = tmp_path / "drawn.json"
        path.write_text(text.replace("§", ""))
        (problem,) = load_file(path, {}, REGISTRY).problems
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        assert (problem.line, problem.column, problem.severity) == (line, column, severity), str(problem)
        return problem.message, problem.code

    return problems_of


TICK = {"id": "tick", "type": "interval", "data": {"config": {"every": "1s"}}}


def flow(*nodes, edges=""):
    """Return the text of an export: a sound producer and these nodes, a line each."""
    listed = ",\n".join([json.dumps(TICK), *nodes])
    return f'{{"nodes": [\n{listed}\n], "edges": [\n{edges}\n]}}'


LOG = '{"id": "log", "type": "log", "data": {"config": {"message": "x"}}}'
TO_LOG = '{"source": "tick", "target": "log"}'


@pytest.mark.parametrize("drawn", [VERSION_11, VERSION_12])
def test_an_export_is_the_workflow_that_it_shows(sound, drawn):
    nodes = [
        node("write", "queue-writer", drawn, config={"queue": "kept"}),
        node("tick", "interval", drawn, label="Every second", config={"every": "1s"}, loop={"pool": "thread"}),
        node("big", "if", drawn, config={"when": "{{ data.n > 3 }}"}),
        node("say", "log", drawn, config={"message": "${HOST}"}, retry={"attempts": 2}, timeout="5s", cache={"ttl": 9}),
        node("read", "queue-reader", drawn, config={}),
    ]
    edges = [
        edge("tick", "big"),
        edge("big", "write", "no", targetHandle="in", animated=True, type="smoothstep", markerEnd={"type": "arrow"}),
        edge("big", "say", "yes", label="big ones"),
        edge("say", "write", "b"),
        edge("write", "read"),
    ]
    doc = sound(nodes, edges, name="orders", description="Takes orders.")
    assert (doc.name, doc.description) == ("orders", "Takes orders.")
    assert {id: each.needs for id, each in doc.nodes.items()} == {
        "write": ["big.no", "say"],
        "tick": [],
        "big": ["tick"],
        "say": ["big.yes"],
        "read": ["write"],
    }
    assert (doc.nodes["tick"].title, doc.nodes["tick"].loop.pool) == ("Every second", "thread")
    say = doc.nodes["say"]
    assert (say.config, say.retry.attempts, say.timeout, say.cache.ttl) == ({"message": "here"}, 2, 5.0, 9.0)


def test_a_workflow_of_our_own_may_be_json_too(tmp_path):
    path = tmp_path / "own.json"
    path.write_text('{"nodes": {"tick": {"type": "interval", "config": {"every": "1s"}}}}')
    loaded = load_file(path, {}, REGISTRY)
    assert (loaded.problems, loaded.workflow.name) == ((), "own")


def test_what_was_typed_into_the_form_stands_above_the_config(sound):
    config, form = {"message": "old", "level": "info"}, {"message": "new", "level": None}
    doc = sound([TICK, node("a", "log", config=config, form=form)], [edge("tick", "a")])
    assert doc.nodes["a"].config == {"message": "new", "level": "info"}
    doc = sound([TICK, node("a", "log", config=None, form={"message": "only"})], [edge("tick", "a")])
    assert doc.nodes["a"].config == {"message": "only"}


@pytest.mark.parametrize("handle", [None, "source", "output", "a", "right-source", 0])
def test_a_handle_of_what_has_no_ports_only_says_where_the_line_is_drawn(sound, handle):
    doc = sound([TICK, node("a", "log", config={"message": "x"})], [edge("tick", "a", handle)])
    assert doc.nodes["a"].needs == ["tick"]


@pytest.mark.parametrize("drawn_as", ["default", "input", "output", "custom", "customNode", "base-node", None])
@pytest.mark.parametrize("field", ["type", "nodeType"])
def test_where_the_type_only_says_how_a_node_is_drawn_its_data_say_what_it_does(sound, drawn_as, field):
    made = node("tick", drawn_as, config={"every": "1s"})
    made["data"][field] = "interval"
    if drawn_as is None:
        del made["type"]
    assert sound([made]).nodes["tick"].type == "interval"


def test_groups_and_comments_are_left_out_and_what_is_in_them_is_not(sound):
    nodes = [
        node("frame", "group", label="Inside"),
        node("frame2", "labeledGroupNode", label="Inside"),
        {**TICK, "parentId": "frame", "extent": "parent"},
        {**node("a", "log", config={"message": "x"}), "parentNode": "frame2"},
        *(node(name, name, label="Remember") for name in ("annotation", "commentNode", "sticky-note", "note")),
    ]
    assert list(sound(nodes, [edge("tick", "a")]).nodes) == ["tick", "a"]


def test_ids_that_cannot_be_ours_follow_the_label_or_the_type(sound):
    uuid = "5b0c2f7e-5f0e-4b43-9f0a-7a4a3a9d7a11"
    nodes = [
        node(1, "interval", label="  Every\nsecond! ", config={"every": "1s"}),
        node("dndnode_0", "log", label="Write", config={"message": "a"}),
        node("2", "log", label="Write", config={"message": "b"}),
        node("3 b", "log", label="write", config={"message": "c"}),
        node(uuid, "log", label="日本", config={"message": "d"}),
        node("日本", "log", label="2nd", config={"message": "e"}),
        node("9", "log", label={"type": "div"}, config={"message": "f"}),
    ]
    ids = ["1", "dndnode_0", "2", "3 b", uuid, "日本", "9"]
    doc = sound(nodes, [edge(ids[0], target) for target in ids[1:]])
    assert list(doc.nodes) == ["every_second", "dndnode_0", "write_2", "write_3_b", "log_5b0c2f7e", "n2nd", "log_9"]
    assert all(each.needs == ["every_second"] for each in list(doc.nodes.values())[1:])
    assert doc.nodes["every_second"].title == "Every second!"


def test_an_id_does_not_depend_on_the_order_of_the_nodes(load):
    nodes = [node(str(n), "log", label=label) for n, label in enumerate(["a", "b", "a", "log", "c_1", "c 1", "b"])]
    ids = {each["id"]: id for each, id in zip(nodes, load(nodes).doc.nodes, strict=True)}
    backwards = {each["id"]: id for each, id in zip(nodes[::-1], load(nodes[::-1]).doc.nodes, strict=True)}
    assert ids == backwards
    assert len(set(ids.values())) == len(ids)


def test_a_name_that_cannot_be_ours_is_changed_so_that_it_can(sound):
    assert sound([TICK], name="Order intake (v2)").name == "order_intake_v2"
    assert sound([TICK], name="日本").name == "drawn"
    assert sound([TICK], name=None).name == "drawn"


@pytest.mark.parametrize(
    ("text", "message", "code"),
    [
        (flow('{"id": "log", "type": §"lgo", "data": {}}', edges=TO_LOG), "did you mean 'log'?", "unknown-node"),
        (flow('{"id": "log", "type": §"default", "data": {}}', edges=TO_LOG), "only how node 'log'", "missing-field"),
        (flow('§{"id": "log", "data": {}}', edges=TO_LOG), "name its node type", "missing-field"),
        (flow('§{"type": "log", "data": {}}'), "with an 'id'", "missing-field"),
        (flow("§7"), "must be an object", "missing-field"),
        (flow(LOG, '{"id": §"log", "type": "log"}', edges=TO_LOG), "first in line 3", "duplicate-id"),
        (
            flow('{"id": "log", "type": "log", "data": {"config": {§"mesage": "x"}}}', edges=TO_LOG),
            "did you mean 'message'",
            "unknown-field",
        ),
        (
            flow(
                '{"id": "log", "type": "log", "data": {"config": {}, "form": {"message": "x", "level": §"loud"}}}',
                edges=TO_LOG,
            ),
            "level",
            "bad-config",
        ),
        (
            flow(
                '{"id": "log", "type": "log", "data": {"form": §["message"], "config": {"message": "x"}}}', edges=TO_LOG
            ),
            "an object of settings",
            "bad-value",
        ),
        (flow('{"id": "log", "type": "log", "data": {"config": §[]}}', edges=TO_LOG), "a mapping", "bad-value"),
        (
            flow(LOG[:-2] + ', "retry": {§"attemps": 3}}}', edges=TO_LOG),
            "did you mean 'attempts'",
            "unknown-field",
        ),
        (flow(LOG, edges=f'{TO_LOG},\n{{"source": §"gone", "target": "log"}}'), "no such node", "dangling-edge"),
        (flow(LOG, edges='{"source": §"tik", "target": "log"}'), "did you mean 'tick'", "dangling-edge"),
        (flow(LOG, edges=f'{TO_LOG},\n{{"source": "tick", "target": §"gone"}}'), "leads to 'gone'", "dangling-edge"),
        (flow(LOG, edges=f'{TO_LOG},\n§{{"source": "tick"}}'), "no 'target'", "dangling-edge"),
        (
            flow(LOG, '{"id": "g", "type": "group"}', edges=f'{TO_LOG},\n{{"source": §"g", "target": "log"}}'),
            "a 'group', which does no work",
            "dangling-edge",
        ),
        (flow(LOG, edges=f"{TO_LOG},\n§7"), "an edge must be an object", "bad-value"),
        (flow(LOG, edges=f'{TO_LOG},\n{{"source": §"tick", "target": "log"}}'), "twice", "duplicate-need"),
        (flow(LOG, edges=f'{TO_LOG},\n{{"source": §"log", "target": "log"}}'), "needs itself", "self-need"),
        (flow(LOG, edges=f'{TO_LOG},\n{{"source": §"log", "target": "tick"}}'), "is a producer", "producer-needs"),
        (
            flow(
                '{"id": "if", "type": "if", "data": {"config": {"when": "yes"}}}',
                LOG,
                edges='{"source": "tick", "target": "if"},\n{"source": "if", "target": "log", "sourceHandle": §"true"}',
            ),
            "it has 'yes', 'no'",
            "unknown-port",
        ),
        (
            flow(
                LOG,
                LOG.replace('"log", "type"', '"b", "type"'),
                edges=f'{TO_LOG},\n{{"source": §"b", "target": "log"}},\n{{"source": "log", "target": "b"}}',
            ),
            "in a circle",
            "cycle",
        ),
        (flow('{"id": §"log", "type": "log", "data": {"config": {"message": "x"}}}'), "no producer", "unreachable"),
        ('{"nodes": [' + json.dumps(TICK) + '], "edges": §{}}', "must be a list", "bad-value"),
        (flow(LOG.replace("}}", '}, "label": §"\\ud800"}'), edges=TO_LOG), "surrogate", "not-text"),
    ],
)
def test_what_is_wrong_is_told_where_it_stands_in_the_export(problems_of, text, message, code):
    found, found_code = problems_of(text)
    assert (message in found, found_code) == (True, code), found


@pytest.mark.parametrize(
    ("extra", "message", "code"),
    [
        ('"level": §"warning"', "move it into 'config'", "misplaced-setting"),
        ('"retyr": §{}', "did you mean 'retry'", "unknown-field"),
    ],
)
def test_settings_beside_the_config_are_a_warning_and_all_else_is_the_editors_own(problems_of, extra, message, code):
    data = LOG.replace("}}", f'}}, "icon": "bolt", "isValid": true, {extra}}}')
    found, found_code = problems_of(flow(data, edges=TO_LOG), severity=Severity.WARNING)
    assert (message in found, found_code) == (True, code), found
