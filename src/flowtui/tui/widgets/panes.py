"""The tables of the overview: loops, nodes, queues, troubles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import Any

from flowtui.client.alerts import Alert
from flowtui.model.errors import Problem, Severity
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, LoopView, NodeView, QueueView
from flowtui.model.states import LoopState, NodeHealth
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone, width_of
from flowtui.tui.queue_words import depth_bar, trend_words
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.wording import (
    errors_first,
    has_rate,
    is_waiting,
    loop_glyph,
    loop_rank,
    loop_replicas,
    loop_state,
    node_figure,
    node_glyph,
    node_ports,
    node_severity,
    problem_place,
    stands_by,
    worst_first,
)

_BAR_CELLS = 8
_RATE, _MINUTE = "ITEMS/S", "LAST MINUTE"


@lru_cache(8)
def _loop_columns(replicas: int) -> tuple[Column, ...]:
    """Return the columns of the loops with `replicas` cells for how many there are, 0 if every loop has one."""
    return (
        Column("", 1),
        # It gives way to the replicas, so that nothing else is left out for them.
        Column("LOOP", 40, measured=True, wanted=17 - replicas, least=10, by=attrgetter("id")),
        Column("POOL", 7, drop=4, by=attrgetter("pool")),
        Column("", replicas),
        Column("STATE", 17, grows=True, by=loop_rank, news=attrgetter("state")),
        Column(_RATE, 7, "right", by=attrgetter("rate")),
        Column(_MINUTE, 12, "right", drop=3, gap=1 if replicas else 2, by=attrgetter("rate_1m")),
        Column("P95", 7, "right", drop=1, by=attrgetter("p95_ms")),
        Column("ERR", 5, "right", by=attrgetter("errors"), news=attrgetter("errors")),
        Column("ITEMS", 6, "right", drop=6, by=attrgetter("iterations")),
        Column("IN FLIGHT", 9, "right", drop=5, by=attrgetter("in_flight")),
    )


class LoopsPane(LiveTable[LoopView]):
    """All loops, the worst first."""

    table = "loops"
    columns = _loop_columns(0)

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._now = 0.0

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the loops of this snapshot."""
        self._now = snapshot.taken_at
        self.waits = snapshot.loading and not snapshot.loops
        replicas = [width_of(loop_replicas(loop)) for loop in snapshot.loops if loop.replicas != 1]
        self.columns = _loop_columns(max(replicas, default=0))
        self.show(worst_first(snapshot.loops))

    def key(self, item: LoopView) -> object:
        return item.id

    def measure(self, item: LoopView) -> str:
        return item.id

    def searched(self, item: LoopView) -> str:
        return f"{item.id} {item.pool} {item.state} {item.reason} {item.waiting}"

    def cells(self, item: LoopView) -> Sequence[Cell]:
        return (
            loop_glyph(item, self._now),
            (item.id, Tone.TEXT),
            (item.pool, Tone.MUTED),
            (loop_replicas(item), Tone.MUTED),
            loop_state(item, self._now),
            (fmt.rate(item.rate), Tone.TEXT),
            (fmt.sparkline(item.history, 12), Tone.MUTED),
            (fmt.milliseconds(item.p95_ms), Tone.TEXT),
            (fmt.count(item.errors), Tone.BAD if item.errors else Tone.MUTED),
            (fmt.count(item.iterations), Tone.TEXT),
            (fmt.count(item.in_flight), Tone.TEXT),
        )

    def covers(self, item: LoopView) -> Collection[str]:
        # Why a loop does not run, or what it waits for, says more than the rate that it does not have.
        rests = is_waiting(item, self._now) and not has_rate(item)
        runs_here = item.state is LoopState.RUNNING and not stands_by(item, self._now) and not rests
        return () if runs_here else (_RATE, _MINUTE)

    def empty_words(self) -> str:
        return (
            super().empty_words() or "No loops. Save a workflow file in the folder; it is loaded when flowtui starts."
        )


class NodesPane(LiveTable[NodeView]):
    """The nodes of the chosen loop, in the order in which they run."""

    table = "nodes"
    columns = (
        Column("", 1),
        Column("NODE", 24, measured=True, wanted=12, least=5, by=attrgetter("id")),
        Column("TYPE", 10, grows=True, drop=2, by=attrgetter("type")),
        Column("PORTS", 24, drop=5),
        Column("NOW", 8, "right", by=node_severity, news=attrgetter("health")),
        Column("ERR", 5, "right", drop=3, by=attrgetter("errors"), news=attrgetter("errors")),
        Column("RUNS", 6, "right", drop=4, by=attrgetter("runs")),
    )

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.loop: LoopView | None = None

    def show_loop(self, loop: LoopView | None) -> None:
        """Show the nodes of this loop."""
        self.loop = loop
        self.show(loop.nodes if loop else ())

    def key(self, item: NodeView) -> object:
        return (self.loop and self.loop.id, item.id)

    def measure(self, item: NodeView) -> str:
        return item.id

    def searched(self, item: NodeView) -> str:
        return f"{item.id} {item.title} {item.type} {item.health} {item.last_error}"

    def cells(self, item: NodeView) -> Sequence[Cell]:
        return (
            node_glyph(item),
            (item.id, Tone.TEXT),
            (item.type, Tone.MUTED),
            (node_ports(item), Tone.TEXT),
            node_figure(item),
            (fmt.count(item.errors), Tone.BAD if item.errors else Tone.MUTED),
            (fmt.count(item.runs), Tone.TEXT),
        )

    def below(self, item: NodeView) -> Cell | None:
        if item.retrying:
            return f"{item.retrying}: {item.last_error}", Tone.WARN
        if item.health is NodeHealth.FAILING and item.last_error:
            return item.last_error, Tone.BAD
        if item.health is NodeHealth.STALLED and item.health_reason:
            return item.health_reason, Tone.WARN
        return None

    def title_words(self) -> str:
        of = f"of {self.loop.id}" if self.loop else ""
        return f"{of} /{self.filter_text}".strip() if self.filter_text else of

    def empty_words(self) -> str:
        return super().empty_words() or "Choose a loop to see its nodes."


def _urgency(queue: QueueView) -> float | None:
    """Return in how many seconds it is full; those that will not be come behind, the emptiest last."""
    if queue.full_in_s is not None:
        return queue.full_in_s
    return None if queue.empty_in_s is None else 1e9 - queue.empty_in_s


class QueuesPane(LiveTable[QueueView]):
    """All queues, those in trouble first, else by name."""

    table = "queues"
    columns = (
        Column("", 1),
        Column("QUEUE", 40, measured=True, wanted=14, least=10, grows=True, by=attrgetter("name")),
        Column("", _BAR_CELLS, drop=2),
        Column("DEPTH", 5, "right", by=attrgetter("depth"), news=lambda queue: queue.depth > 0),
        Column("LAST 3 MIN", 12, "right", drop=5),
        Column("IN/S", 6, "right", by=attrgetter("in_rate")),
        Column("OUT/S", 6, "right", by=attrgetter("out_rate")),
        Column("OLDEST", 7, "right", by=attrgetter("oldest_s")),
        Column("TREND", 15, drop=1, gap=2, by=_urgency),
        Column("IN FLIGHT", 9, "right", drop=4, by=attrgetter("in_flight")),
        Column("LOST", 4, "right", drop=3, by=attrgetter("unaccounted"), news=attrgetter("unaccounted")),
        Column("READ BY", 20, drop=6, gap=2, by=lambda queue: _read_by(queue)[0]),
    )

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._troubled: Collection[str] = ()
        self._is_old = False

    def show_snapshot(self, snapshot: EngineSnapshot, alerts: Iterable[Alert] = ()) -> None:
        """Show the queues of this snapshot; those that an alert is about stand above the others."""
        self.waits = snapshot.loading and not snapshot.queues
        self._is_old = bool(snapshot.store.trouble)
        self._troubled = {alert.queue for alert in alerts if alert.queue}
        self.show(sorted(snapshot.queues, key=self._rank))

    def _rank(self, queue: QueueView) -> tuple[bool, bool, str]:
        return not queue.unaccounted, queue.name not in self._troubled, queue.name

    def key(self, item: QueueView) -> object:
        return item.name

    def measure(self, item: QueueView) -> str:
        return item.name

    def searched(self, item: QueueView) -> str:
        return " ".join((item.name, *item.readers, *item.writers))

    def cells(self, item: QueueView) -> Sequence[Cell]:
        sign: Cell = ("⇒", Tone.MUTED)
        if item.unaccounted or item.name in self._troubled:
            sign = ("!", Tone.BAD if item.unaccounted else Tone.WARN)
        return (
            sign,
            (item.name, Tone.TEXT),
            depth_bar(item, _BAR_CELLS),
            (fmt.count(item.depth), Tone.TEXT),
            (fmt.sparkline(item.history, 12), Tone.MUTED),
            (fmt.rate(item.in_rate), Tone.TEXT),
            (fmt.rate(item.out_rate), Tone.TEXT),
            (fmt.age(item.oldest_s), Tone.TEXT),
            trend_words(item),
            (fmt.count(item.in_flight), Tone.TEXT),
            (fmt.count(item.unaccounted), Tone.BAD if item.unaccounted else Tone.MUTED),
            _read_by(item),
        )

    def title_words(self) -> str:
        said = "old figures, the store does not answer" if self._is_old else ""
        return f"{said} /{self.filter_text}".strip() if self.filter_text else said

    def empty_words(self) -> str:
        return super().empty_words() or "No queues. A queue-writer node makes one; a queue-reader empties it."


def _read_by(item: QueueView) -> Cell:
    orphans = [f"{loop} (gone)" for loop, _ in item.orphans]
    return (", ".join([*item.readers, *orphans]) or "nobody yet", Tone.WARN if orphans else Tone.MUTED)


def _where(item: Problem | DeadLetterGroup) -> str:
    return problem_place(item) if isinstance(item, Problem) else item.loop


def _what(item: Problem | DeadLetterGroup) -> str:
    return item.message if isinstance(item, Problem) else f"{item.error}: {item.message}"


def _group(item: Problem | DeadLetterGroup, field: str) -> Any:
    """Return a field of a group of dead letters; a problem in a file has none of these."""
    return getattr(item, field) if isinstance(item, DeadLetterGroup) else None


def _how_long_ago(item: Problem | DeadLetterGroup) -> float | None:
    return -item.last_at if isinstance(item, DeadLetterGroup) else None


class TroublePane(LiveTable[Problem | DeadLetterGroup]):
    """Problems in files, then dead letters in groups, the most first."""

    table = "problems"
    columns = (
        Column("", 1),
        Column("COUNT", 5, "right", by=lambda item: _group(item, "count"), news=lambda item: _group(item, "count")),
        Column("WHERE", 30, measured=True, wanted=14, least=8, by=_where),
        Column("NODE", 12, drop=2, by=lambda item: _group(item, "node")),
        Column("WHAT", 10, grows=True, by=_what),
        Column("LAST", 6, "right", drop=1, by=_how_long_ago, steady=True),
    )

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._now = 0.0
        self._said = ""

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show problems and dead letters of this snapshot."""
        self._now = snapshot.taken_at
        self.waits = snapshot.loading
        said = [f"{fmt.count(snapshot.dead_total)} dead"] if snapshot.dead_total else []
        if snapshot.problems:
            said.append(f"{fmt.count(len(snapshot.problems))} in files")
        self._said = ", ".join(said)
        groups = sorted(snapshot.dead_letters, key=lambda group: (-group.count, group.loop, group.node, group.error))
        self.show([*errors_first(snapshot.problems), *groups])

    def key(self, item: Problem | DeadLetterGroup) -> object:
        return item if isinstance(item, Problem) else item.key

    def measure(self, item: Problem | DeadLetterGroup) -> str:
        return _where(item)

    def searched(self, item: Problem | DeadLetterGroup) -> str:
        if isinstance(item, Problem):
            return str(item)
        return f"{item.loop} {item.node} {item.error} {item.message}"

    def cells(self, item: Problem | DeadLetterGroup) -> Sequence[Cell]:
        if isinstance(item, Problem):
            sign: Cell = ("✖", Tone.BAD) if item.severity is Severity.ERROR else ("!", Tone.WARN)
            nothing: Cell = ("", Tone.TEXT)
            return sign, nothing, (_where(item), Tone.TEXT), nothing, (_what(item), sign[1]), nothing
        return (
            ("†", Tone.WARN),
            (fmt.count(item.count), Tone.STRONG),
            (_where(item), Tone.TEXT),
            (item.node, Tone.MUTED),
            (_what(item), Tone.TEXT),
            (fmt.age(self._now - item.last_at), Tone.MUTED),
        )

    def title_words(self) -> str:
        said = self._said
        return f"{said} /{self.filter_text}".strip() if self.filter_text else said

    def empty_words(self) -> str:
        return super().empty_words() or "No problems, no dead letters. Failed items will wait here."
