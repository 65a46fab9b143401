"""What a sound workflow becomes: loops, order, queues, pools."""

import pytest

from flowtui.graph.plan import PlanNeed
from flowtui.model.states import OnError
from flowtui.nodes.base import Pool


def plan(one, text, producer="t", **options):
    plans, problems = one(text, **options)
    assert [p for p in problems if p.severity == "error"] == [], "\n".join(map(str, problems))
    return plans[producer]


def test_a_loop_is_a_producer_and_everything_downstream(one, tmp_path):
    result = plan(
        one,
        "name: orders\nnodes:\n"
        "  end: {type: work, needs: [f.right, mid], title: The end}\n"
        "  mid: {type: send, needs: f.left, config: {}}\n"
        "  f: {type: fork, needs: t}\n"
        "  t:\n    type: tick\n    loop: {on_error: stop, autostart: false, max_in_flight: 2}\n"
        "  u: {type: tick}\n",
    )
    assert (result.loop, result.workflow, result.path) == ("orders.t", "orders", tmp_path / "w.yaml")
    assert (result.on_error, result.autostart, result.max_in_flight) == (OnError.STOP, False, 2)
    assert [(n.index, n.id, n.title, n.line) for n in result.nodes] == [
        (0, "t", "t", 6),
        (1, "f", "f", 5),
        (2, "mid", "mid", 4),
        (3, "end", "The end", 3),
    ]
    assert [n.needs for n in result.nodes] == [
        (),
        (PlanNeed(0, None),),
        (PlanNeed(1, "left"),),
        (PlanNeed(1, "right"), PlanNeed(2, None)),
    ]
    assert [n.dependants for n in result.nodes] == [(1,), (2, 3), (3,), ()]
    assert (result.reads, result.writes) == (None, ())


def test_a_need_of_two_branches_makes_one_dependant(one):
    result = plan(
        one, "nodes:\n  t: {type: tick}\n  f: {type: fork, needs: t}\n  w: {type: work, needs: [f.left, f.right]}\n"
    )
    assert result.nodes[1].dependants == (2,)
    assert len(result.nodes[2].needs) == 2


def test_a_need_of_a_conditional_without_a_port_means_any_branch(one):
    result = plan(one, "nodes:\n  t: {type: tick}\n  f: {type: fork, needs: t}\n  w: {type: work, needs: f}\n")
    assert result.nodes[2].needs == (PlanNeed(1, None),)


def test_the_config_decides_which_ports_a_conditional_has(one):
    text = (
        "nodes:\n  t: {type: tick}\n  f: {type: fork, needs: t, config: {extra: [up]}}\n"
        "  w: {type: work, needs: f.up}\n"
    )
    assert plan(one, text).nodes[2].needs == (PlanNeed(1, "up"),)


def test_independent_nodes_keep_the_order_of_the_file(one):
    text = (
        "nodes:\n  t: {type: tick}\n  c: {type: work, needs: t}\n"
        "  a: {type: work, needs: t}\n  b: {type: work, needs: a}\n"
    )
    assert [n.id for n in plan(one, text).nodes] == ["t", "c", "a", "b"]


@pytest.mark.parametrize(
    ("nodes", "pool"),
    [
        ("  t: {type: tick}\n  w: {type: work, needs: t}\n", Pool.ASYNCIO),
        ("  t: {type: tick}\n  w: {type: plain-work, needs: t}\n", Pool.THREAD),
        ("  t: {type: plain-tick}\n", Pool.THREAD),
        ("  t: {type: tick}\n  w: {type: heavy-work, needs: t}\n", Pool.THREAD),
        ("  t: {type: tick, loop: {pool: asyncio}}\n  w: {type: plain-work, needs: t}\n", Pool.ASYNCIO),
        ("  t: {type: tick, loop: {pool: thread}}\n", Pool.THREAD),
        ("  t: {type: tick, loop: {}}\n", Pool.ASYNCIO),
        ("  t: {type: queue-reader, config: {queue: /a}}\n", Pool.ASYNCIO),
        ("  t: {type: tick}\n  w: {type: queue-writer, needs: t, config: {queue: /a}}\n", Pool.ASYNCIO),
        ("  t: {type: tick}\n  u: {type: plain-tick}\n", Pool.ASYNCIO),
    ],
)
def test_the_pool_of_a_loop_follows_its_nodes_unless_it_is_named(one, nodes, pool):
    assert plan(one, "nodes:\n" + nodes).pool is pool


def test_an_edge_from_a_writer_to_a_reader_ends_the_loop(one):
    text = (
        "nodes:\n  t: {type: tick}\n  q: {type: queue-writer, needs: t}\n"
        "  r: {type: queue-reader, needs: q}\n  w: {type: work, needs: r}\n"
    )
    first, second = plan(one, text), plan(one, text, "r")
    assert [n.id for n in first.nodes] == ["t", "q"]
    assert [n.id for n in second.nodes] == ["r", "w"]
    assert second.nodes[0].needs == ()
    assert first.nodes[1].dependants == ()
    assert first.writes == ("w.q",)
    assert second.reads == "w.q"


def test_a_worker_behind_a_writer_stays_in_its_loop(one):
    text = (
        "nodes:\n  t: {type: tick}\n  q: {type: queue-writer, needs: t, config: {queue: /q}}\n"
        "  w: {type: work, needs: q}\n"
    )
    assert [n.id for n in plan(one, text).nodes] == ["t", "q", "w"]


@pytest.mark.parametrize(
    ("writer", "reader", "queue"),
    [
        ("", "", "w.q"),
        ("accepted", "", "w.accepted"),
        ("", "accepted", "w.accepted"),
        ("accepted", "accepted", "w.accepted"),
        ("/all", "", "/all"),
        ("", "/all", "/all"),
    ],
)
def test_joined_nodes_have_one_queue(one, writer, reader, queue):
    text = (
        f"nodes:\n  t: {{type: tick}}\n  q: {{type: queue-writer, needs: t, config: {{queue: '{writer}'}}}}\n"
        f"  r: {{type: queue-reader, needs: q, config: {{queue: '{reader}'}}}}\n"
    )
    assert plan(one, text).writes == (queue,)
    assert plan(one, text, "r").reads == queue


def test_several_writers_and_readers_joined_without_a_name_share_the_first_writers(one):
    text = (
        "nodes:\n  r1: {type: queue-reader, needs: [q2, q1]}\n  r2: {type: queue-reader, needs: q2}\n"
        "  t: {type: tick}\n  q1: {type: queue-writer, needs: t}\n  q2: {type: queue-writer, needs: t}\n"
    )
    assert plan(one, text).writes == ("w.q1",)
    assert plan(one, text, "r1").reads == plan(one, text, "r2").reads == "w.q1"


def test_writers_of_two_queues_are_listed_once_each(one):
    text = (
        "nodes:\n  t: {type: tick}\n  a: {type: queue-writer, needs: t, config: {queue: /x}}\n"
        "  b: {type: queue-writer, needs: t, config: {queue: /y}}\n"
        "  c: {type: queue-writer, needs: t, config: {queue: /x}}\n"
    )
    assert plan(one, text).writes == ("/x", "/y")


def test_a_ring_of_queues_is_no_cycle(one):
    text = "nodes:\n  r: {type: queue-reader, needs: q}\n  q: {type: queue-writer, needs: r}\n"
    ring = plan(one, text, "r")
    assert (ring.reads, ring.writes) == ("w.q", ("w.q",))


def test_a_shared_queue_may_have_its_other_end_elsewhere(one):
    _, problems = one("nodes:\n  r: {type: queue-reader, config: {queue: /all}}\n")
    assert problems == ()


def test_a_warning_does_not_stop_a_workflow(one):
    plans, problems = one("nodes:\n  r: {type: queue-reader, config: {queue: lonely}}\n")
    assert [p.severity for p in problems] == ["warning"]
    assert list(plans) == ["r"]


def test_templates_are_left_as_written_and_variables_are_not(one):
    text = (
        "nodes:\n  t: {type: tick}\n  w: {type: work, needs: t, config: {label: '${X} {{ data.x }}', size: '${N:3}'}}\n"
    )
    assert plan(one, text, env={"X": "y"}).nodes[1].config == {"label": "y {{ data.x }}", "size": "3"}


BASE = (
    "name: flow\nnodes:\n  t: {type: tick}\n  f: {type: fork, needs: t}\n"
    "  w: {type: work, needs: f.left, config: {size: 1, label: a}}\n"
    "  q: {type: queue-writer, needs: [w, f.right], config: {queue: /a}}\n"
)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: flow\n", "name: flow\ndescription: Something.\n# comment\n\n"),
        ("type: work,", "title: Worker, type: work,"),
        ("{size: 1, label: a}", "{label: 'a', size: 0x1}"),
        ("  f: {type: fork, needs: t}\n", "  f:\n    needs: [t]\n    type: fork\n"),
        ("{type: tick}", "{type: tick, config: {}, loop: {max_in_flight: 16}}"),
        ("label: a", "label: '${UNSET:a}'"),
    ],
)
def test_layout_titles_and_comments_do_not_change_a_revision(one, old, new):
    assert old in BASE
    assert plan(one, BASE.replace(old, new)).revision == plan(one, BASE).revision


def test_the_order_of_nodes_does_not_change_a_revision(one):
    head, *nodes = BASE.split("\n  ")
    shuffled = "\n  ".join([head, *reversed([node.strip() for node in nodes])])
    assert plan(one, shuffled).revision == plan(one, BASE).revision


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("size: 1", "size: 2"),
        ("size: 1", "size: '1'"),
        ("f.left", "f"),
        ("[w, f.right]", "[f.right, w]"),
        ("queue: /a", "queue: /b"),
        ("{type: tick}", "{type: plain-tick}"),
        ("{type: tick}", "{type: tick, loop: {pool: thread}}"),
        ("{type: tick}", "{type: tick, loop: {on_error: stop}}"),
        ("{type: tick}", "{type: tick, loop: {autostart: false}}"),
        ("{type: tick}", "{type: tick, loop: {max_in_flight: 17}}"),
    ],
)
def test_a_change_of_meaning_changes_a_revision(one, old, new):
    assert old in BASE
    assert plan(one, BASE.replace(old, new)).revision != plan(one, BASE).revision


def test_new_code_of_a_node_type_changes_the_revisions_that_use_it(one, registry_with):
    text = BASE + "  u: {type: tick}\n"
    before, _ = one(text)
    after, _ = one(text, registry=registry_with(digests={"work": "d2"}))
    assert before["t"].revision != after["t"].revision
    assert before["u"].revision == after["u"].revision
