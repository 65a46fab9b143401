"""A new config for one node changes those lines of the file that have to change, in the style of what was there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flowtui.model.errors import NotSaved, UnknownNode
from flowtui.workflow.edits import with_config
from flowtui.workflow.source import text_digest


def edited(text: str, config: dict[str, Any], name: str = "w.yaml", node: str = "it") -> str:
    """The text with another config, without what stands before and behind the settings."""
    return with_config(Path(name), text, node, config)


def settings(lines: str, below: str = "") -> str:
    """A file whose node `it` has these lines as its settings, and another node below it."""
    indented = "".join(f"      {line}\n" if line else "\n" for line in lines.splitlines())
    return f"nodes:\n  it:\n    type: t\n    config:\n{indented}    needs: other  # last\n{below}"


@pytest.mark.parametrize(
    ("before", "config", "after"),
    [
        ("a: 1   # one", {"a": 2}, "a: 2   # one"),
        ("a: 1", {"a": "1"}, "a: '1'"),
        ("a: 1", {"a": 1.0}, "a: 1.0"),
        ("a: 'x'  # q", {"a": "it's"}, "a: 'it''s'  # q"),
        ('a: "x"', {"a": "y"}, 'a: "y"'),
        ("a: x", {"a": "{{ data.b }}"}, 'a: "{{ data.b }}"'),
        ("a: x", {"a": "${secret:KEY}"}, "a: ${secret:KEY}"),
        ("a: ${PORT:80}", {"a": "${PORT:90}"}, "a: ${PORT:90}"),
        ('a: "${PORT:80}"', {"a": "${PORT:90}"}, 'a: "${PORT:90}"'),
        ("a: x", {"a": "yes"}, "a: 'yes'"),
        ("a: x", {"a": "null"}, "a: 'null'"),
        ("a: x", {"a": ""}, "a: ''"),
        ("a: 2020-01-01", {"a": "2021-02-03"}, "a: 2021-02-03"),
        ("a: true", {"a": "2021-02-03"}, "a: '2021-02-03'"),
        ("a: x", {"a": "b: c # d"}, "a: 'b: c # d'"),
        ("a:\nb: 1", {"a": 5, "b": 1}, "a: 5\nb: 1"),
        ("a:  # empty", {"a": [1]}, "a: [1]  # empty"),
        ("'a b': 1\nc: 2", {"a b": 3, "c": 2}, "'a b': 3\nc: 2"),
        ("a: |\n  one\n  two", {"a": "one\nthree\n"}, "a: |\n  one\n  three"),
        ("a: |  # text\n    one\n    two\n", {"a": "one"}, "a: |-  # text\n    one\n"),
        ("a: |-\n  one\nb: 1", {"a": "one\n\n", "b": 1}, "a: |+\n  one\n\nb: 1"),
        ("a: |\n  one", {"a": 5}, "a: 5"),
        ("a: >-\n  some words\n  more", {"a": "other words\nmore"}, "a: >-\n  other words\n\n  more"),
        ("a: 1  # one", {"a": "one\ntwo\n"}, "a: |  # one\n  one\n  two"),
        ("a:  # all\n  b: 1\n  c: 2  # two", {"a": {"b": 3, "c": 2}}, "a:  # all\n  b: 3\n  c: 2  # two"),
        ("a:  # all\n  # b\n  b: 1", {"a": 5}, "a: 5  # all\n  # b"),
        ("a: {b: 1, c: [1, 2]}", {"a": {"b": 1, "c": [1, 3]}}, "a: {b: 1, c: [1, 3]}"),
        ("a: {b: 1, c: 2}", {"a": {"c": 2}}, "a: {c: 2}"),
        ("a: {b: 1, c: 2}", {"a": {"b": 1}}, "a: {b: 1}"),
        ("a: {b: 1,}", {"a": {"b": 1, "c": "x, y"}}, "a: {b: 1, c: 'x, y',}"),
        ("a: {b, c: }", {"a": {"b": 1, "c": 2}}, "a: {b: 1, c: 2 }"),
        (
            "a: {\n  b: 1,  # b\n  c: 2  # c\n}",
            {"a": {"b": 1, "c": 2, "d": 3}},
            "a: {\n  b: 1,  # b\n  c: 2,  # c\n  d: 3\n}",
        ),
        ("a: {\n  b: 1,  # b\n  c: 2  # c\n}", {"a": {"b": 1}}, "a: {\n  b: 1  # b\n}"),
        ("a: [b: 1]", {"a": [{"b": 1, "c": 2}]}, "a: [{b: 1, c: 2}]"),
        ("a:\n  - 1  # one\n  - 2", {"a": [1, 3, 2]}, "a:\n  - 1  # one\n  - 3\n  - 2"),
        ("a:\n  - 1  # one\n  - 2", {"a": [0, 1, 2]}, "a:\n  - 0\n  - 1  # one\n  - 2"),
        ("a:\n- 1  # one\n- 2", {"a": [2]}, "a:\n- 2"),
        ("a:\n- 1", {"a": [{"b": [{"c": 1}]}]}, "a:\n- b:\n  - c: 1"),
        ("a:\n  - b: 1\n    c: 2", {"a": [{"c": 2}]}, "a:\n  - c: 2"),
        ("a:\n  - b: 1\n    # two\n    c: 2", {"a": [{"c": 2}]}, "a:\n  -\n    # two\n    c: 2"),
        ("a:\n  - - 1\n    - 2", {"a": [[2, 3]]}, "a:\n  - - 2\n    - 3"),
        ("a:\n  - 1\n  # none", {"a": []}, "a: []\n  # none"),
        ("a: 1\n\n# b\nb: 2", {"a": 1, "c": {"d": [{"e": 1}]}, "b": 2}, "a: 1\nc:\n  d:\n    - e: 1\n\n# b\nb: 2"),
        ("a: 1\n# b\nb: 2  # two\n# end", {"a": 1}, "a: 1\n# b\n# end"),
    ],
)
def test_a_value_is_written_in_the_style_of_the_old_one(before: str, config: dict[str, Any], after: str) -> None:
    assert edited(settings(before), config) == settings(after)


@pytest.mark.parametrize(
    ("before", "config", "after"),
    [
        ("  it: {type: t, config: {a: 1}} # x", {"a": 1, "b": ["x"]}, "  it: {type: t, config: {a: 1, b: [x]}} # x"),
        ("  it: {type: t, config: {a: 1}}", {}, "  it: {type: t, config: {}}"),
        ("  it: {type: t, needs: x, timeout: 1}", {"a": 1}, "  it: {type: t, needs: x, config: {a: 1}, timeout: 1}"),
        ("  it:\n    type: t", {"a": 1}, "  it:\n    type: t\n    config:\n      a: 1"),
        (
            "  it:\n    timeout: 5s\n    type: t  # t",
            {"a": 1},
            "  it:\n    timeout: 5s\n    type: t  # t\n    config:\n      a: 1",
        ),
        ("  it:\n    type: t", {}, "  it:\n    type: t"),
        ("  it:\n    type: t\n    config: {}  # none", {"a": 1}, "  it:\n    type: t\n    config:  # none\n      a: 1"),
        ("  it:\n    type: t\n    config: ~", {"a": 1}, "  it:\n    type: t\n    config:\n      a: 1"),
        ("  it:\n    type: t\n    config:", {"a": 1}, "  it:\n    type: t\n    config:\n      a: 1"),
        (
            "  it:\n    type: t\n    config:  # c\n      # a\n      a: 1",
            {},
            "  it:\n    type: t\n    config: {}  # c\n      # a",
        ),
    ],
)
def test_a_config_comes_and_goes(before: str, config: dict[str, Any], after: str) -> None:
    for end in ("", "\n", "\n  other: {type: t}\n", "\n\n  # other\n  other: {type: t}"):
        assert edited(f"nodes:\n{before}{end}", config) == f"nodes:\n{after}{end}"


def test_new_lines_stand_as_far_in_as_the_file_has_it() -> None:
    before = "nodes:\n    it:\n        needs:\n        - other\n"
    after = (
        before + "        config:\n            a:\n                b:\n                - c: 1\n                  d: 2\n"
    )
    assert edited(before, {"a": {"b": [{"c": 1, "d": 2}]}}) == after


BASE = """\
nodes:
  base:
    type: t
    config: &base
      a: 1
      b: 2
"""


@pytest.mark.parametrize(
    ("node", "before", "config", "after"),
    [
        ("it", "config: *base", {"a": 1, "b": 3}, "config:\n      <<: *base\n      b: 3"),
        ("it", "config: *base", {"b": 2}, "config:\n      b: 2"),
        ("it", "config:\n      <<: *base", {"a": 7, "b": 2}, "config:\n      <<: *base\n      a: 7"),
        ("it", "config:\n      <<: *base  # of base\n      c: 3", {"a": 1, "c": 3}, "config:\n      c: 3\n      a: 1"),
        ("it", "config: {<<: *base, a: 7}", {"a": 1, "b": 5}, "config: {<<: *base, a: 1, b: 5}"),
        ("it", "config: {c: *base}", {"c": {"a": 1, "b": 5}}, "config: {c: {<<: *base, b: 5}}"),
        (
            "it",
            "config:\n      l:\n        - *base",
            {"l": [{"a": 1, "b": 5}]},
            "config:\n      l:\n        - {<<: *base, b: 5}",
        ),
    ],
)
def test_a_change_of_what_an_anchor_gives_is_written_at_the_node_itself(
    node: str, before: str, config: dict[str, Any], after: str
) -> None:
    text = f"{BASE}  it:\n    type: t\n    {before}\n"
    assert edited(text, config, node=node) == f"{BASE}  it:\n    type: t\n    {after}\n"


def test_other_nodes_keep_what_they_had_of_an_anchor_that_changes() -> None:
    users = "  one:\n    type: t\n    config: *base\n  two: {type: t, config: {<<: *base, b: 7}}\n"
    text = edited(BASE + users, {"a": 5, "b": 2}, node="base")
    assert text == BASE.replace("a: 1", "a: 5") + (
        "  one:\n    type: t\n    config:\n      <<: *base\n      a: 1\n"
        "  two: {type: t, config: {<<: *base, b: 7, a: 1}}\n"
    )


def test_a_value_with_an_anchor_keeps_it_and_its_users_keep_the_old_value() -> None:
    text = settings("a: &a one  # a\nb: *a\nc: *a")
    assert edited(text, {"a": "two", "b": "one", "c": "two"}) == settings("a: &a two  # a\nb: one\nc: *a")


def test_an_anchor_that_others_need_is_not_removed() -> None:
    text = settings("a: &a {x: 1}", "  other: {type: t, config: {b: *a}}\n")
    with pytest.raises(NotSaved, match=r"it holds the anchor '&a', which line 7 needs; edit the file instead"):
        edited(text, {})


@pytest.mark.parametrize("ending", ["\r\n", "\n"])
def test_line_ends_and_a_byte_order_mark_stay(ending: str) -> None:
    text = "\ufeff" + settings("a: |\n  ä\nb: 1").replace("\n", ending)
    result = edited(text, {"a": "ö\nü\n", "b": {"c": 1}})
    assert result == "\ufeff" + settings("a: |\n  ö\n  ü\nb:\n  c: 1").replace("\n", ending)


PRETTY = '{\n  "nodes": {\n    "it": {\n      "type": "t",\n      "config": {\n        "a": 1\n      }\n    }\n  }\n}'


@pytest.mark.parametrize(
    ("before", "config", "after"),
    [
        (PRETTY, {"a": 2}, PRETTY.replace("1", "2")),
        (
            PRETTY,
            {"a": 1, "b": {"c": "é"}},
            PRETTY.replace("1\n", '1,\n        "b": {\n          "c": "é"\n        }\n'),
        ),
        (PRETTY, {}, PRETTY.replace('{\n        "a": 1\n      }', "{}")),
        (PRETTY.replace("  ", "\t"), {"a": [1]}, PRETTY.replace("1", "[\n          1\n        ]").replace("  ", "\t")),
        ('{"nodes":{"it":{"type":"t"}}}', {"a": [1, 2]}, '{"nodes":{"it":{"type":"t","config":{"a":[1,2]}}}}'),
        (
            '{"nodes": {"it": {"config": {"a": "\\u00e9", "b": 1}}}}',
            {"b": "é"},
            '{"nodes": {"it": {"config": {"b": "\\u00e9"}}}}',
        ),
    ],
)
def test_json_is_written_as_it_was(before: str, config: dict[str, Any], after: str) -> None:
    assert edited(before, config, "w.json") == after


EXPORT = """{"nodes": [
  {"id": "1", "type": "box", "data": {"label": "My node", "nodeType": "t", %s}},
  {"id": "n2", "type": "t"}
], "edges": [{"source": "n2", "target": "1"}]}
"""


@pytest.mark.parametrize(
    ("node", "before", "config", "after"),
    [
        ("my_node", '"config": {"a": 1, "b": 2}', {"a": 1, "b": 3}, '"config": {"a": 1, "b": 3}'),
        (
            "my_node",
            '"config": {"a": 1}, "form": {"a": 2, "c": null}',
            {"a": 3, "c": 4},
            '"config": {"a": 1, "c": 4}, "form": {"a": 3, "c": null}',
        ),
        ("my_node", '"config": {"a": 1}, "form": {"a": 2}', {}, '"config": {}, "form": {}'),
        ("my_node", '"form": {"a": 2}', {"a": 2, "b": 1}, '"form": {"a": 2, "b": 1}'),
        ("my_node", '"form": {"a": 2}', {"a": None}, '"form": {}, "config": {"a": null}'),
    ],
)
def test_a_react_flow_export_gets_it_where_it_was(node: str, before: str, config: dict[str, Any], after: str) -> None:
    text = EXPORT.replace('"type": "box", ', "")
    assert edited(text % before, config, "w.json", node) == text % after


def test_a_node_of_an_export_without_data_gets_some() -> None:
    text = EXPORT % '"x": 1'
    assert edited(text, {"a": 1}, "w.json", "n2") == text.replace(
        '"n2", "type": "t"', '"n2", "type": "t", "data": {"config": {"a": 1}}'
    )


@pytest.mark.parametrize(
    ("text", "config", "message"),
    [
        ("nodes:\n  it: {type: t\n", {}, r"can't be read: w\.yaml:2:7: .* is not closed"),
        ("nodes:\n  it:\n    config: {a: 1, a: 2}\n", {"a": 1}, r"has a problem: w\.yaml:3:20: 'a' is here twice"),
        ("", {}, "the file is empty"),
        ("nodes:\n  it: {type: t}\n", {"a": object()}, "holds what is no JSON"),
        ("nodes:\n  it: {type: t}\n", {"a": "\ud800"}, "holds what is no JSON"),
        (
            "nodes:\n  it:\n    config:\n      ? a\n      ? b\n",
            {"a": 1, "b": None},
            r"'config\.a' can't be written .* edit the file",
        ),
    ],
)
def test_what_cannot_be_written_is_told_with_what_to_do(text: str, config: dict[str, Any], message: str) -> None:
    with pytest.raises(NotSaved, match=message):
        edited(text, config)


def test_a_number_that_json_lacks_is_refused_there() -> None:
    with pytest.raises(NotSaved, match=r"'config\.a' can't be written into w\.json"):
        edited('{"nodes": {"it": {"config": {"a": 1}}}}', {"a": float("nan")}, "w.json")


@pytest.mark.parametrize("text", ["nodes:\n  other: {type: t}\n", "nodes: 5\n", "name: x\n"])
def test_a_node_that_is_not_there_is_told(text: str) -> None:
    with pytest.raises(UnknownNode, match=r"no node 'it' in w\.yaml"):
        edited(text, {"a": 1})


def test_much_that_differs_in_a_list_is_written_at_once() -> None:
    before = settings(f"a: {list(range(100))}")
    after = list(range(200, 300))
    assert edited(before, {"a": after}) == settings("a:\n" + "\n".join(f"  - {n}" for n in after))


def test_the_digest_of_a_text_is_that_of_its_bytes() -> None:
    assert text_digest(b"a\n") != text_digest(b"a\r\n")
    assert len(text_digest(b"")) == 16
