"""By its revisions one knows whether data that a node has made is what it would make now."""

import pytest

from flowtui.graph.node_revisions import revisions

TEXT = """\
nodes:
  t: {type: tick, config: {every: 2}}
  f: {type: fork, needs: t}
  a: {type: work, needs: f.left, config: {size: 2}}
  b: {type: work, needs: f.right}
  j: {type: work, needs: [a, b]}
  end: {type: work, needs: j}
"""


def of(one, node, text=TEXT, **options):
    """Return the revisions of a node and of all upstream of it."""
    plans, _ = one(text, **options)
    plan = plans["t"]
    return revisions(plan, next(each.index for each in plan.nodes if each.id == node))


def test_they_are_those_of_the_node_and_of_all_upstream_of_it(one):
    assert list(of(one, "t")) == ["t"]
    assert list(of(one, "a")) == ["t", "f", "a"]
    assert set(of(one, "j")) == {"t", "f", "a", "b", "j"}


@pytest.mark.parametrize(
    ("before", "after", "changed"),
    [
        ("size: 2", "size: 3", {"a"}),
        ("every: 2", "every: 3", {"t"}),
        ("f.right", "f.left", {"b"}),
        ("needs: [a, b]}", "needs: [b, a]}", {"j"}),
        ("type: work, needs: f.right", "type: plain-work, needs: f.right", {"b"}),
        ("needs: j}", "needs: j, config: {size: 9}}", set()),
        ("needs: j}", "needs: j, title: The end}", set()),
        ("needs: [a, b]}", "needs: [a, b], timeout: 3s, retry: {attempts: 2}}", set()),
    ],
)
def test_what_changes_a_nodes_output_changes_its_hash_and_no_other(one, before, after, changed):
    assert before in TEXT
    was, now = of(one, "j"), of(one, "j", TEXT.replace(before, after))
    assert {id for id in was if was[id] != now[id]} == changed


def test_other_code_changes_the_hash_of_every_node_of_that_type(one, registry_with):
    was, now = of(one, "j"), of(one, "j", registry=registry_with(digests={"work": "d2"}))
    assert {id for id in was if was[id] != now[id]} == {"a", "b", "j"}
