"""A client without an engine: tests set what it shows and see what it was asked."""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any

from letter_box import LetterBox

from flowtui.model.access import Access, Mode
from flowtui.model.development import Sample, SourcePlace, TapBatch
from flowtui.model.errors import Problem
from flowtui.model.finding import FoundPage
from flowtui.model.forms import Form
from flowtui.model.log_lines import LogBatch, LogLine
from flowtui.model.queued import QueuedItem, QueuePage, QueuePlace
from flowtui.model.runs import Asked, Run
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, LoopView, NodeView, QueueView, StoreView
from flowtui.model.states import Command, LoopState, NodeHealth, NodeKind
from flowtui.model.workflows import KeptText, RollBack, SourceText

NOW = 1_750_000_000.0


def a_node(id: str, type: str = "json-edit", **fields: Any) -> NodeView:
    """A healthy node; fields override, and a node that fails does so because of its last error."""
    usual: dict[str, Any] = {
        "title": id,
        "kind": NodeKind.BLOCKING,
        "health": NodeHealth.HEALTHY,
        "health_reason": fields.get("last_error") or "its last run succeeded",
        "health_since": NOW - 7200,
        "runs": 4711,
        "errors": 0,
        "hits": 0,
        "rate": 41.0,
        "p50_ms": 0.11,
        "p95_ms": 0.24,
        "p99_ms": 0.7,
        "retries": 0,
        "retrying": "",
        "running": 0,
        "last_error": "",
        "last_error_at": 0.0,
        "ports": (),
    }
    return NodeView(id=id, type=type, **(usual | fields))


def a_loop(id: str, **fields: Any) -> LoopView:
    """A running loop; fields override, and all its replicas are there."""
    workflow, _, producer = id.partition(".")
    usual: dict[str, Any] = {
        "workflow": workflow,
        "producer": producer,
        "path": Path(f"/home/ana/flows/{workflow}.yaml"),
        "pool": "asyncio",
        "replicas": 1,
        "tracks": fields.get("replicas", 1),
        "state": LoopState.RUNNING,
        "reason": "",
        "since": NOW - 7200,
        "waiting": "",
        "waiting_since": NOW,
        "iterations": 123456,
        "errors": 0,
        "rate": 41.3,
        "rate_1s": 44.0,
        "rate_1m": 39.8,
        "history": (20.0, 30, 31, 35, 40, 41, 44, 41, 40, 42, 41, 41),
        "last_at": NOW - 3,
        "p50_ms": 1.2,
        "p95_ms": 3.14,
        "p99_ms": 8.04,
        "in_flight": 2,
        "revision": 3,
        "reads": None,
        "writes": (),
        "nodes": (a_node(producer, "timer", kind=NodeKind.PRODUCER), a_node("check", "validate-order")),
    }
    return LoopView(id=id, **(usual | fields))


def a_queue(name: str, **fields: Any) -> QueueView:
    """A queue that is read as fast as it is written; fields override."""
    usual: dict[str, Any] = {
        "depth": 0,
        "in_flight": 0,
        "in_rate": 0.0,
        "out_rate": 0.0,
        "oldest_s": None,
        "readers": ("orders.fulfil",),
        "writers": ("orders.incoming",),
        "unaccounted": 0,
    }
    return QueueView(name=name, **(usual | fields))


def an_item(id: str, payload: str = '{"n": 1}', **fields: Any) -> QueuedItem:
    """An item that waits for the first time; fields override."""
    usual: dict[str, Any] = {
        "size": len(payload),
        "is_cut": False,
        "trace": "trace-1",
        "origin": "orders.incoming",
        "tries": 1,
        "at": NOW - 64,
    }
    return QueuedItem(id=id, payload=payload, **(usual | fields))


def a_snapshot(*loops: LoopView, **fields: Any) -> EngineSnapshot:
    """A snapshot of an engine in which all is well; fields override."""
    usual: dict[str, Any] = {
        "taken_at": NOW,
        "uptime_s": 8040.0,
        "folder": Path("/home/ana/flows"),
        "access": Access(),
        "store": StoreView("local", "/run/flowtui/store.sock", True, ""),
        "queues": (),
        "dead_letters": (),
        "dead_total": 0,
        "problems": (),
        "last_reload": "",
        "loading": False,
    }
    return EngineSnapshot(loops=loops, **(usual | fields))


class FakeClient(LetterBox):
    """Has the methods of `EngineClient`. Commands succeed unless `refusal` is set; `close` waits for `may_close`."""

    def __init__(self, snapshot: EngineSnapshot | None = None) -> None:
        super().__init__()
        self.shown = snapshot or a_snapshot()
        self.lines: list[LogLine] = []
        self.commands: list[tuple[Command, str | None]] = []
        self.workflow_commands: list[tuple[Command, str]] = []
        self.bulk_commands: list[tuple[str, ...]] = []
        self.bulk_refusals: tuple[str, ...] = ()
        self.scalings: list[tuple[str, int]] = []
        self.form: Form | None = None
        self.triggered: list[tuple[str, dict[str, Any]]] = []
        self.asked = Asked("run-1", "orders.ask", LoopState.RUNNING)
        self.runs: dict[str, Run] = {}
        self.places: dict[tuple[str, str], SourcePlace] = {}
        self.reloads = 0
        self.sources: dict[Path, SourceText] = {}
        self.kept_of: dict[Path, tuple[KeptText, ...]] = {}
        self.roll_back_plan: RollBack | None = None
        self.planned: list[tuple[Path, str]] = []
        self.rolled_back: list[RollBack] = []
        self.forgotten: list[Path] = []
        self.found = FoundPage()  # what every search finds, unless the test answers itself
        self.keeps_looking = False
        self.searches: list[tuple[str, Callable[[FoundPage], None], Future[None]]] = []
        self.kept: tuple[Sample, ...] = ()  # samples that the store has, newest first
        self.tapping: list[tuple[str, str]] = []  # every tap; the last one is empty when it has ended
        self.flow: list[Sample] = []  # what has come to the tapped node
        self.passed = 0
        self.queued: dict[tuple[str, str], list[QueuedItem]] = {}  # by queue and reader
        self.wholes: dict[str, str] = {}  # payloads by id, of items that lists show cut
        self.queue_pages: list[tuple[str, str, int, str]] = []  # queue, reader, place and text of each question
        self.hold_pages = False
        self.held_pages: list[Future[QueuePage]] = []
        self.injected: list[tuple[str, dict[str, Any]]] = []
        self.emptied: list[tuple[str, ...]] = []
        self.slow: Future[int] | None = None  # the answer to what takes a while
        self.why_not = ""
        self.started = threading.Event()
        self.closed = threading.Event()
        self.close_called = threading.Event()
        self.may_close = threading.Event()
        self.may_close.set()
        self.output: list[str] = []
        self._seq = itertools.count(1)

    def start(self) -> None:
        self.started.set()

    def snapshot(self) -> EngineSnapshot:
        return self.shown

    def switch_mode(self) -> Mode:
        access = self.shown.access.switched()
        self.shown = replace(self.shown, access=access)
        return access.mode

    def logs(self, after: int, limit: int = 2000) -> LogBatch:
        lines = tuple(self.lines[after : after + limit])  # sequence numbers count from 1
        return LogBatch(lines, lines[-1].seq if lines else after, 0)

    def command(self, command: Command, loop: str) -> Future[None]:
        self.commands.append((command, loop))
        return self._answer(None)

    def command_all(self, command: Command, workflow: str = "") -> Future[int]:
        if workflow:
            self.workflow_commands.append((command, workflow))
        else:
            self.commands.append((command, None))
        return self._answer(sum(workflow in ("", loop.workflow) for loop in self.shown.loops))

    def command_each(self, command: Command, loops: Sequence[str]) -> Future[tuple[str, ...]]:
        self.bulk_commands.append((command, *loops))
        return self._answer(self.bulk_refusals)

    def scale(self, loop: str, change: int) -> Future[int]:
        self.scalings.append((loop, change))
        replicas = next(max(1, one.replicas + change) for one in self.shown.loops if one.id == loop)
        if self.refusal is None:
            self.change_loop(loop, replicas=replicas, tracks=replicas)
        return self._answer(replicas)

    def queue_page(
        self, queue: str, group: str, place: QueuePlace | None = None, *, text: str = "", limit: int = 100
    ) -> Future[QueuePage]:
        self.queue_pages.append((queue, group, place.index if place else 0, text))
        if self.hold_pages:
            self.held_pages.append(Future())
            return self.held_pages[-1]
        found = [item for item in self.queued.get((queue, group), ()) if text in f"{item.id} {item.payload}"]
        first = place.index if place else 0
        page, rest = found[first : first + limit], found[first + limit :]
        return self._answer(QueuePage(tuple(page), QueuePlace(first + limit) if rest else None, len(page), len(found)))

    def queue_item(self, queue: str, group: str, item: QueuedItem) -> Future[QueuedItem]:
        return self._answer(replace(item, payload=self.wholes.get(item.id, item.payload), is_cut=False))

    def inject(self, queue: str, payload: dict[str, Any]) -> Future[str]:
        self.injected.append((queue, payload))
        return self._answer("new-1")

    def purge_queue(self, queue: str, group: str, on_step: Any = None) -> Future[int]:
        self.emptied.append(("purge", queue, group))
        return self._steps(on_step)

    def move_items(
        self, queue: str, group: str, target: str, target_group: str = "", on_step: Any = None
    ) -> Future[int]:
        self.emptied.append(("move", queue, group, target, target_group))
        return self._steps(on_step)

    def forget_group(self, queue: str, group: str) -> Future[None]:
        self.emptied.append(("forget", queue, group))
        return self._answer(None)

    def _steps(self, on_step: Any) -> Future[int]:
        if self.slow is None:
            return self._answer(3120)
        on_step(1000)
        return self.slow

    def trigger_form(self, loop: str, values: Any) -> Future[Form | None]:
        return self._answer(self.form)

    def trigger(self, loop: str, values: dict[str, Any]) -> Future[Asked]:
        self.triggered.append((loop, values))
        return self._answer(self.asked)

    def run(self, id: str) -> Future[Run]:
        return self._answer(self.runs[id])

    def source_of(self, loop: str, node: str = "") -> Future[SourcePlace]:
        return self._answer(self.places[loop, node])

    def reload(self) -> Future[str]:
        self.reloads += 1
        return self._answer("w r2: 1 swapped")

    def source_text(self, path: Path) -> Future[SourceText]:
        return self._answer(self.sources.get(path))

    def kept_texts(self, path: Path) -> Future[tuple[KeptText, ...]]:
        return self._answer(self.kept_of.get(path, ()))

    def plan_roll_back(self, path: Path, to: str = "") -> Future[RollBack]:
        self.planned.append((path, to))
        return self._answer(self.roll_back_plan)

    def roll_back(self, planned: RollBack) -> Future[str]:
        self.rolled_back.append(planned)
        return self._answer("orders r3: 1 swapped, 0 lost")

    def forget_file(self, path: Path) -> Future[None]:
        self.forgotten.append(path)
        return self._answer(None)

    def samples(self, loop: str, node: str) -> Future[tuple[Sample, ...]]:
        return self._answer(self.kept)

    def tap(self, loop: str, node: str) -> Future[None]:
        self.tapping.append((loop, node))
        return self._answer(None)

    def tapped(self, after: int) -> TapBatch:
        return TapBatch(tuple(self.flow[after:]), len(self.flow), max(self.passed, len(self.flow)))

    def untap(self) -> Future[None]:
        self.tapping.append(("", ""))
        return self._answer(None)

    def find(self, text: str, told: Callable[[FoundPage], None]) -> Future[None]:
        self.searches.append((text, told, Future()))
        if not self.keeps_looking:
            told(self.found)
            self.searches[-1][2].set_result(None)
        return self.searches[-1][2]

    def report_output(self, text: str) -> None:
        self.output.append(text)

    def failure(self) -> str:
        return self.why_not

    def close(self) -> None:
        self.close_called.set()
        self.may_close.wait(30)
        self.closed.set()

    # For tests

    def log(self, message: str, loop: str = "orders.incoming", node: str = "check", level: int = logging.INFO) -> None:
        """Append a line to the log."""
        self.lines.append(LogLine(next(self._seq), NOW + len(self.lines), level, loop, node, "", message))

    def change(self, **fields: Any) -> None:
        """Replace fields of the snapshot."""
        self.shown = replace(self.shown, **fields)

    def change_loop(self, id: str, **fields: Any) -> None:
        """Replace fields of one loop."""
        self.change(loops=tuple(replace(loop, **fields) if loop.id == id else loop for loop in self.shown.loops))


def a_failed_loop() -> LoopView:
    """A loop whose service is down."""
    fetch_error = "ConnectError: [Errno 111] Connection refused to https://api.example.org/v2/orders?since=2025-06-15"
    return a_loop(
        "sync.poll",
        state=LoopState.FAILED,
        reason="ConnectError at fetch (http-request)",
        since=NOW - 190,
        errors=12,
        rate=0.0,
        rate_1s=0.0,
        history=(40.0, 41, 38, 30, 12, 4, 0, 0),
        last_at=NOW - 190,
        nodes=(
            a_node("poll", "timer", kind=NodeKind.PRODUCER),
            a_node("fetch", "http-request", health=NodeHealth.FAILING, errors=12, last_error=fetch_error),
            a_node("keep", "file-writer", health=NodeHealth.IDLE, runs=0, rate=0.0, p95_ms=None),
        ),
    )


def a_branching_loop() -> LoopView:
    """A loop with a node of every kind."""
    return a_loop(
        "orders.incoming",
        pool="thread",
        errors=2,
        writes=("orders.accepted",),
        nodes=(
            a_node("incoming", "directory-watch", kind=NodeKind.PRODUCER),
            a_node("check", "validate-order", errors=2),
            a_node("big", "if", kind=NodeKind.CONDITIONAL, ports=(("yes", 330), ("no", 4381))),
            a_node("notify", "http-request", kind=NodeKind.NON_BLOCKING, health=NodeHealth.STALLED, p95_ms=812.0),
            a_node("store", "queue-writer", kind=NodeKind.NON_BLOCKING, rate=38.2, p95_ms=None),
        ),
    )


def a_group(loop: str, node: str, error: str, message: str, count: int, last_at: float) -> DeadLetterGroup:
    """A group of dead letters that came within an hour."""
    return DeadLetterGroup(loop, node, error, message, count, last_at, last_at - 3600, f"f-{node}-{error}")


def a_busy_afternoon() -> EngineSnapshot:
    """A folder in which some things work, some wait and some are broken."""
    return a_snapshot(
        a_branching_loop(),
        a_loop("orders.fulfil", pool="thread", p95_ms=18.2, reads="orders.accepted"),
        a_loop("logs.tail", waiting="no input", waiting_since=NOW - 40, rate=0.0, p95_ms=0.4, history=(0.0,) * 12),
        a_loop("host.cpu", state=LoopState.PAUSED, since=NOW - 720, rate=0.0, history=(1.0,) * 4, p95_ms=1.0),
        a_loop("reports.nightly-summary-of-everything", state=LoopState.COMPLETED, since=NOW - 40000, rate=0.0),
        a_failed_loop(),
        a_loop("mail.outbox", rate=0.02, p95_ms=2310.0, history=(0.0, 0, 1, 0, 0, 2, 0, 0, 0, 1, 0, 0)),
        queues=(
            a_queue("orders.accepted", depth=3120, in_rate=41.2, out_rate=38.0, oldest_s=64.0, in_flight=16),
            a_queue("logs.suspicious"),
            a_queue("mail.outgoing", depth=12, in_rate=0.2, out_rate=0.2, oldest_s=3.0, unaccounted=1),
        ),
        dead_letters=(
            a_group("sync.poll", "fetch", "ConnectError", "[Errno 111] Connection refused", 12, NOW - 190),
            a_group("orders.incoming", "check", "ValueError", "order 4711 has no lines", 2, NOW - 4000),
        ),
        dead_total=14,
        problems=(
            Problem(
                Path("/home/ana/flows/broken.yaml"),
                14,
                7,
                "unknown node type 'queue-wirter' (did you mean 'queue-writer'?)",
                "unknown-node",
            ),
        ),
    )


def chatter(client: FakeClient, lines: int) -> None:
    """Fill the log as a working folder would."""
    said = (
        ("orders.incoming", "check", logging.INFO, "checked order {n}: 3 lines, 12.50 EUR"),
        ("orders.fulfil", "reserve", logging.INFO, "reserved 3 of A-{n}"),
        ("orders.incoming", "check", logging.WARNING, "order {n} rejected: no lines"),
        (
            "sync.poll",
            "fetch",
            logging.ERROR,
            "ConnectError: [Errno 111] Connection refused to https://api.example.org",
        ),
        ("", "", logging.INFO, "orders r3: 2 loops kept, 1 swapped, 0 lost, 214 queued"),
        ("logs.tail", "parse", logging.INFO, "日本語のログ行 with \x1b[31mcolours\x1b[0m and 👩‍👧 {n}"),
    )
    for n in range(lines):
        loop, node, level, text = said[n % len(said)]
        client.log(text.format(n=n), loop, node, level)


def moving(client: FakeClient, tick: int) -> None:
    """Change numbers as a working folder would, for demonstrations and measurements."""
    loops = tuple(
        replace(loop, rate=loop.rate * (1 + (tick % 7) / 50), iterations=loop.iterations + tick)
        if loop.state is LoopState.RUNNING and loop.rate
        else loop
        for loop in a_busy_afternoon().loops
    )
    client.change(loops=loops, taken_at=NOW + tick / 4, uptime_s=8040 + tick / 4)


def now_moving(client: FakeClient, seconds: float) -> None:
    """Let a client move in real time, on a thread of its own."""

    def move() -> None:
        for tick in range(int(seconds * 4)):
            moving(client, tick)
            chatter(client, 1)
            time.sleep(0.25)

    threading.Thread(target=move, daemon=True).start()
