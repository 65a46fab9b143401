"""A client that knows one node, for the tests of the inspector."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from fake_client import NOW, FakeClient, a_branching_loop, a_group, a_snapshot
from pydantic import Field, SecretStr

from flowtui.model.access import DEVELOPING, Access
from flowtui.model.cases import TestCase
from flowtui.model.development import (
    DevLine,
    DevRequest,
    DevRun,
    Inspection,
    MissingInput,
    NodeFailure,
    NodeInput,
    Origin,
    PlannedRun,
    Preview,
    Sample,
    SavedConfig,
    Stored,
)
from flowtui.model.errors import UnknownLetter
from flowtui.model.forms import KeyPath
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.model.states import NodeKind
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.forms import edit, form_of

ORDER = {"id": 4711, "lines": [{"sku": "A-1", "price": 2.5}], "total": 0}


class CheckConfig(NodeConfig):
    """Settings of every sort."""

    currency: Literal["EUR", "USD"] = Field("EUR", description="What the total is in.")
    min_total: float = Field(10.0, ge=0, description="Orders below are dropped.")
    greeting: str = "hello"
    tags: tuple[str, ...] = ()
    token: SecretStr = SecretStr("")


def an_input(payload: Mapping[str, Any] = ORDER, **fields: Any) -> NodeInput:
    """A sample from production; fields override."""
    usual: dict[str, Any] = {"origin": Origin.SAMPLE, "upstream": "incoming", "at": NOW - 12, "revision": "3f2a91c0"}
    return NodeInput(**(usual | {"data": Stored(dict(payload))} | fields))


def a_run(id: str = "run-1", **fields: Any) -> DevRun:
    """A run that added up the total; fields override."""
    usual: dict[str, Any] = {
        "loop": "orders.incoming",
        "node": "check",
        "at": NOW - 60,
        "ms": 0.21,
        "config": {"currency": "EUR"},
        "inputs": (an_input(),),
        "output": Stored({**ORDER, "total": 2.5}),
    }
    return DevRun(id, **(usual | fields))


def a_failed_run(id: str = "bad", **fields: Any) -> DevRun:
    """A run that raised an error in the author's code."""
    traceback = "nodes/orders.py:31 in execute\n    raise ValueError(…)\nValueError: order 4711 has no lines"
    failure = NodeFailure("ValueError", "order 4711 has no lines", " (orders.py:31 in execute)", traceback)
    lines = (DevLine(NOW - 60, 20, "checking 4711"), DevLine(NOW - 60, 30, "no lines [b]at all[/b] \x1b[31m"))
    return a_run(id, **({"output": None, "failure": failure, "lines": lines, "ms": 0.3} | fields))


def a_letter(number: int = 7, **fields: Any) -> DeadLetter:
    """A dead letter of the node."""
    usual: dict[str, Any] = {
        "id": f"item-{number}",
        "loop": "orders.incoming",
        "node": "check",
        "revision": "3f2a91c0",
        "payload": {"id": 4711, "lines": []},
        "trace": "t",
        "attempt": 1,
        "error": "ValueError",
        "message": "order 4711 has no lines",
        "traceback": "…",
        "fingerprint": "f-check-ValueError",
        "failed_at": NOW - 300,
        "number": number,
    }
    return DeadLetter(**(usual | fields))


class FakeInspectorClient(FakeClient):
    """Knows the node `check`; `on_run` decides what a run leads to, and may keep it going."""

    def __init__(self, **fields: Any) -> None:
        group = a_group("orders.incoming", "check", "ValueError", "order 4711 has no lines", 12, NOW - 300)
        super().__init__(a_snapshot(a_branching_loop(), dead_letters=(group,), dead_total=12))
        self.config: dict[str, Any] = {"currency": "EUR", "greeting": "hi {{ data.id }}"}
        self.fields = fields
        self.letters = [a_letter(7)]
        self.kept_runs: list[DevRun] = []
        self.requests: list[DevRequest] = []
        self.pins: list[Stored | None] = []
        self.saves: list[tuple[dict[str, Any], str]] = []
        self.undone: list[SavedConfig] = []
        self.cases: list[TestCase] = []
        self.edited: list[dict[str, Any]] = []
        self.replayed: list[DeadLetter] = []
        self.reloads = 0
        self.gone: Exception | None = None
        self.plan: tuple[PlannedRun, ...] = ()
        self.digest = "d1"
        self.running: list[Future[DevRun]] = []
        self.on_line: Callable[[DevLine], None] | None = None
        self.on_run: Callable[[DevRequest], DevRun | Exception | None] = lambda _: a_run("new", at=NOW)

    def develop(self, access: Access = DEVELOPING) -> FakeInspectorClient:
        """Return it in development mode."""
        self.change(access=access)
        return self

    def inspect(self, loop: str, node: str) -> Future[Inspection]:
        usual: dict[str, Any] = {
            "type": "validate-order",
            "kind": NodeKind.BLOCKING,
            "upstream": ("incoming",),
            "path": Path("/home/ana/flows/orders.yaml"),
            "line": 31,
            "source": (Path("/home/ana/flows/nodes/orders.py"), 12),
            "digest": self.digest,
            "config": dict(self.config),
            "form": form_of(CheckConfig, self.config),
            "inputs": (an_input(),),
            "missing": (),
            "choices": (an_input(),),
            "runs": tuple(self.kept_runs),
            "pinned": self.pins[-1] if self.pins else None,
            "production": None,
        }
        if self.gone is not None:
            future: Future[Inspection] = Future()
            future.set_exception(self.gone)
            return future
        return self._answer(Inspection(loop, node, **(usual | self.fields)))

    def preview_config(
        self,
        loop: str,
        node: str,
        config: Mapping[str, Any],
        changes: Mapping[str, Any],
        reset: Iterable[KeyPath] = (),
        data: NodeInput | None = None,
    ) -> Future[Preview]:
        edited = edit(CheckConfig, config, changes, reset=reset)
        id = data.data.payload.get("id", "nothing") if data else "nothing"
        held = {(key,): value for key, value in edited.config.items() if "{{" in str(value)}
        rendered = {path: json.dumps(text.replace("{{ data.id }}", str(id))) for path, text in held.items()}
        return self._answer(Preview(edited, rendered))

    def run_node(self, request: DevRequest, on_line: Callable[[DevLine], None] | None = None) -> Future[DevRun]:
        self.requests.append(request)
        self.on_line = on_line
        result = self.on_run(request)
        future: Future[DevRun] = Future()
        if isinstance(result, Exception):
            future.set_exception(result)
        elif result is not None:
            self.kept_runs.insert(0, result)
            future.set_result(result)
        else:
            self.running.append(future)
        return future

    def plan_upstream(self, loop: str, node: str) -> Future[tuple[PlannedRun, ...]]:
        return self._answer(self.plan)

    def pin(self, loop: str, node: str, output: Stored | None) -> Future[None]:
        self.pins.append(output)
        return self._answer(None)

    def save_config(self, loop: str, node: str, config: Mapping[str, Any], digest: str) -> Future[SavedConfig]:
        self.saves.append((dict(config), digest))
        if self.refusal is None:
            before, self.config = json.dumps(self.config), dict(config)
            self.digest = "d2"
            return self._answer(SavedConfig(Path("/home/ana/flows/orders.yaml"), "d2", before))
        refused, self.refusal = self.refusal, None
        future: Future[SavedConfig] = Future()
        future.set_exception(refused)
        return future

    def undo_config(self, saved: SavedConfig) -> Future[SavedConfig]:
        self.undone.append(saved)
        now, self.config = json.dumps(self.config), json.loads(saved.before)
        return self._answer(replace(saved, before=now, digest="d3"))

    def reload(self) -> Future[str]:
        self.reloads += 1
        return self._answer("orders r4: 1 swapped")

    def save_case(self, case: TestCase) -> Future[Path]:
        self.cases.append(case)
        return self._answer(Path("/home/ana/flows/tests/orders.yaml"))

    def dead_letter(self, number: int, *, of_production: bool = False) -> Future[DeadLetter]:
        found: Future[DeadLetter] = Future()
        known = next((letter for letter in self.letters if letter.number == number), None)
        if known is None:
            found.set_exception(UnknownLetter(f"there is no dead letter {number}"))
        else:
            found.set_result(known)
        return found

    def edit_dead_letter(self, letter: DeadLetter, payload: dict[str, Any]) -> Future[DeadLetter]:
        self.edited.append(payload)
        return self._answer(replace(letter, payload=payload))

    def replay(self, letter: DeadLetter, *, from_start: bool = False) -> Future[ReplayAnswer]:
        self.replayed.append(letter)
        return self._answer(ReplayAnswer(queued=1))


def missing(upstream: str = "incoming") -> dict[str, Any]:
    """Fields of a node for which there is no input."""
    message = f"check has no input from {upstream}: run {upstream}, or give check an input"
    return {"inputs": (), "choices": (), "missing": (MissingInput(upstream, message),)}


def a_join() -> dict[str, Any]:
    """Fields of a node that joins two branches, of which one has given nothing."""
    left = an_input({"id": 1, "a": 1}, upstream="left", origin=Origin.CACHE, stale="left's config has changed")
    right = an_input({"b": 2}, upstream="right", origin=Origin.PIN)
    return {"upstream": ("left", "right"), "inputs": (left, right), "choices": (right, left)}


def a_sample(output: Mapping[str, Any]) -> Sample:
    """What the node made of an item in production."""
    return Sample("orders.incoming", "check", NOW - 30, "item-1", Stored(dict(ORDER)), Stored(dict(output)))
