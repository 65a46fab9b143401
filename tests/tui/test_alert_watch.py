"""What is wrong, since when, whether it grows, and when somebody is called for it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon, a_group, a_loop, a_node, a_queue, a_snapshot
from running import running

from flowtui.client.alerts import QUIET_S, AlertWatch, Kind
from flowtui.model.errors import Problem, Severity
from flowtui.model.preferences import Preferences
from flowtui.model.snapshot import EngineSnapshot, StoreView
from flowtui.model.states import LoopState, NodeHealth

WELL = a_snapshot(a_loop("a.b"), queues=(a_queue("q"),))
AWAY = StoreView("redis", "redis://host", True, "the store at redis://host does not answer")
FAILED = a_snapshot(a_loop("a.b", state=LoopState.FAILED, since=NOW - 200, reason="ConnectError at fetch"))
PAUSED = a_snapshot(
    a_loop("a.b", state=LoopState.PAUSED, paused_itself=True, since=NOW - 5, reason="10 failures in a row")
)
STALLED = a_node("n", health=NodeHealth.STALLED, health_reason="a run has been going on", health_since=NOW - 90)
LETTERS = (a_group("a.b", "n", "E", "m", 9, NOW - 3700), a_group("c.d", "n", "F", "m", 3, NOW - 190))


def queue(**fields: Any) -> EngineSnapshot:
    return a_snapshot(queues=(a_queue("q", **fields),))


def problem(severity: Severity) -> Problem:
    return Problem(Path("/f/orders.yaml"), 14, 7, "unknown node type", "unknown-node", severity)


SENTENCES: list[tuple[EngineSnapshot, Kind, str]] = [
    (FAILED, Kind.FAILED, "a.b failed 3 min ago: ConnectError at fetch"),
    (PAUSED, Kind.PAUSED, "a.b paused itself 5 s ago: 10 failures in a row"),
    (a_snapshot(store=AWAY), Kind.STORE, f"store in trouble for 0 s: {AWAY.trouble}"),
    (queue(unaccounted=1), Kind.LOST, "queue q: 1 item unaccounted for, seen 0 s ago"),
    (
        queue(depth=9120, bound=10_000, in_rate=61.0, out_rate=20.0, full_in_s=250.0),
        Kind.QUEUE,
        "queue q holds 9.1k of 10.0k for 0 s, growing 41/s, full in 4 min",
    ),
    (queue(depth=50, bound=50, in_rate=1.0, out_rate=1.0, full_in_s=0.0), Kind.QUEUE, "queue q is full for 0 s"),
    (queue(depth=700, in_rate=0.0, out_rate=3.0), Kind.QUEUE, "queue q holds 700 for 0 s, shrinking 3.0/s"),
    (
        a_snapshot(a_loop("a.b", nodes=(STALLED,))),
        Kind.STALLED,
        "a.b: node n is stalled for 1 min: a run has been going on",
    ),
    (
        a_snapshot(dead_letters=LETTERS, dead_total=12),
        Kind.LETTERS,
        "12 dead letters, the last 3 min ago, 9 of them E at n of a.b",
    ),
    (
        a_snapshot(dead_letters=(replace(LETTERS[0], new=8),), dead_total=9),
        Kind.LETTERS,
        "9 dead letters, 8 in the last minute: E at n of a.b",
    ),
    (a_snapshot(problems=(problem(Severity.ERROR),)), Kind.FILE, "orders.yaml:14:7 unknown node type, seen 0 s ago"),
    (
        a_snapshot(problems=(problem(Severity.WARNING),) * 2),
        Kind.WARNING,
        "2 warnings in files, first orders.yaml:14:7 unknown node type, seen 0 s ago",
    ),
]


@pytest.mark.parametrize(("snapshot", "kind", "sentence"), SENTENCES, ids=[kind for _, kind, _ in SENTENCES])
def test_a_sentence_says_what_is_wrong_since_when_and_whether_it_grows(
    snapshot: EngineSnapshot, kind: Kind, sentence: str
) -> None:
    watch = AlertWatch(queue_depth=500)
    watch.look(snapshot, "")
    assert [(alert.kind, alert.text(NOW)) for alert in watch.alerts] == [(kind, sentence)]


def test_what_has_no_since_of_its_own_is_as_old_as_when_it_was_first_seen() -> None:
    watch = AlertWatch()
    for seconds in (0, 100, 200):
        watch.look(replace(WELL, store=AWAY, taken_at=NOW + seconds), "")
    assert watch.alerts[0].text(NOW + 200).startswith("store in trouble for 3 min: ")


def test_the_worst_comes_first_and_of_the_same_kind_the_newest() -> None:
    older = a_loop("c.d", state=LoopState.FAILED, since=NOW - 900)
    all_of_it = replace(
        a_busy_afternoon(), loops=(older, *FAILED.loops, *PAUSED.loops), store=AWAY, dead_letters=LETTERS
    )
    watch = AlertWatch()
    watch.look(all_of_it, "the folder is gone")
    kinds = [Kind.ENGINE, Kind.STORE, Kind.FAILED, Kind.FAILED, Kind.LOST, Kind.PAUSED, Kind.FILE, Kind.LETTERS]
    assert [alert.kind for alert in watch.alerts] == kinds
    assert [alert.loop for alert in watch.alerts[2:4]] == ["a.b", "c.d"]


BOUND = 100
#: What is seen, how many seconds after the step before, and how many are called for it.
STORIES: dict[str, list[tuple[EngineSnapshot, float, int]]] = {
    "a failure calls once, however long it lasts": [(WELL, 0, 0), (FAILED, 1, 1), (FAILED, 1, 0), (FAILED, 9000, 0)],
    "so does a loop that pauses itself, and the store": [
        (WELL, 0, 0),
        (PAUSED, 1, 1),
        (replace(WELL, store=AWAY), 1, 1),
    ],
    "a pause by hand calls nobody": [(WELL, 0, 0), (a_snapshot(a_loop("a.b", state=LoopState.PAUSED)), 1, 0)],
    "what was wrong at the start calls once for all": [
        (replace(FAILED, store=AWAY, loops=(*FAILED.loops, a_loop("c.d", state=LoopState.FAILED))), 0, 1),
        (FAILED, 1, 0),
    ],
    "while workflows are loaded, too": [(replace(FAILED, loading=True), 0, 1), (FAILED, 1, 0), (PAUSED, 1, 1)],
    "what comes and goes calls once a minute": [
        (WELL, 0, 0),
        *[(FAILED, 1, 1), (WELL, 1, 0), (FAILED, 1, 0), (WELL, QUIET_S, 0), (FAILED, 1, 1)],
    ],
    "another loop is another matter": [
        (WELL, 0, 0),
        (FAILED, 1, 1),
        (replace(FAILED, loops=(*FAILED.loops, a_loop("c.d", state=LoopState.FAILED))), 1, 1),
    ],
    "a queue calls near its bound, and again only after it was well below": [
        *[(queue(depth=89, bound=BOUND), 0, 0), (queue(depth=90, bound=BOUND), 1, 1)],
        *[(queue(depth=73, bound=BOUND), 99, 0), (queue(depth=95, bound=BOUND), 99, 0)],
        *[(queue(depth=71, bound=BOUND), 99, 0), (queue(depth=95, bound=BOUND), 99, 1)],
    ],
    "or at the depth that somebody has chosen": [
        *[(queue(depth=499), 0, 0), (queue(depth=500, bound=9000), 1, 1), (queue(depth=501), 1, 0)],
    ],
    "dead letters, stalled nodes and problems are seen but call nobody": [
        (WELL, 0, 0),
        (replace(WELL, dead_letters=LETTERS, dead_total=12, problems=(problem(Severity.ERROR),)), 1, 0),
        (a_snapshot(a_loop("a.b", nodes=(STALLED,))), 1, 0),
    ],
    "a process that died and starts again is seen but calls nobody": [
        (WELL, 0, 0),
        (a_snapshot(a_loop("a.b", state=LoopState.STARTING, replicas=2, tracks=1, reason="it was killed")), 1, 0),
    ],
}


@pytest.mark.parametrize("story", STORIES)
def test_somebody_is_called_when_it_begins(story: str) -> None:
    watch, now = AlertWatch(queue_depth=500), NOW
    for snapshot, seconds, called in STORIES[story]:
        now += seconds
        assert len(watch.look(replace(snapshot, taken_at=now), "")) == called, (snapshot, watch.alerts)


async def test_the_bell_rings_and_the_line_says_so_until_it_is_over(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rings: list[None] = []
    client = FakeClient(WELL)
    said = tmp_path / "said"
    program = ("sh", "-c", f'echo "$1" >> {said}', "sh")
    async with running(client, preferences=Preferences(on_alert=program, queue_depth=500)) as it:
        monkeypatch.setattr(it.app, "bell", lambda: rings.append(None))
        client.change(loops=FAILED.loops)
        await it.settle()
        await it.settle()
        assert rings == [None]
        assert "✖ a.b failed 3 min ago: ConnectError at fetch" in it.text
        client.change(queues=queue(depth=600).queues)
        await it.settle()
        assert "+1 more" in it.line_with("failed 3 min ago")
        await it.press("exclamation_mark")
        assert "queue q holds 600 for 0 s" in it.text
        client.change(loops=WELL.loops, queues=())
        await it.settle()
        assert "Nothing is wrong." in it.text
        assert len(rings) == 2
        await it.until_true(lambda: said.exists() and len(said.read_text().splitlines()) == 2)
    assert sorted(said.read_text().splitlines()) == [
        "a.b failed 3 min ago: ConnectError at fetch",
        "queue q holds 600 for 0 s",
    ]


async def test_somebody_who_wants_no_bell_hears_none(monkeypatch: pytest.MonkeyPatch) -> None:
    client = FakeClient(WELL)
    async with running(client, preferences=Preferences(bell=False)) as it:
        monkeypatch.setattr(it.app, "bell", lambda: pytest.fail("it rang"))
        client.change(loops=FAILED.loops)
        await it.settle()
        assert "a.b failed" in it.text
