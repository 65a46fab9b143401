"""`Run`: one item of a trigger on its way through its loop, as a person follows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from typing import Any

from flowtui.model.states import LoopState

#: Most that is kept of a run's input, and of its result, in bytes of JSON.
MOST_KEPT = 256 * 1024


class RunState(StrEnum):
    """Where a run is: it waits for its loop, is on its way, or has ended."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class NodeRunState(StrEnum):
    """Where a node is in one run."""

    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"
    SKIPPED = "skipped"  # on a branch that was not taken, or behind a node that failed or dropped the item
    FAILED = "failed"


#: States in which nothing more happens to a node.
SETTLED_NODES = frozenset({NodeRunState.DONE, NodeRunState.SKIPPED, NodeRunState.FAILED})


@dataclass(frozen=True, slots=True)
class NodeRun:
    """One node in one run.

    Attributes:
        started_at: in seconds since the epoch, None if it has not begun.
        ms: how long it took, with all tries.
        tries: how often it was called.
        of: how many tries it has.
        error: why it failed, or, while it runs, why its last try did.
        note: the port that a conditional chose, or that the item was dropped.
    """

    id: str
    state: NodeRunState = NodeRunState.WAITING
    started_at: float | None = None
    ms: float | None = None
    tries: int = 0
    of: int = 1
    error: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """One run.

    Attributes:
        id: of its item.
        input: the payload that the run began with.
        layers: ids of the nodes behind the trigger; those of a layer need nothing of each other.
        nodes: by id.
        leaves: ids of the nodes behind which there is nothing.
        outputs: of those leaves that have handed one on.
        cut: what was too big to be kept (`input`, or a leaf's id): only the beginning of its JSON is there, as a text.
        asked_at, started_at, ended_at: in seconds since the epoch, None if it has not come to that.
        attempt: how often it was begun; more than 1 after a crash, a stop or a replay.
        error: why it failed, or why it waits again.
        letters: numbers of its dead letters.
    """

    id: str
    loop: str
    workflow: str
    input: Any
    layers: tuple[tuple[str, ...], ...]
    leaves: tuple[str, ...]
    state: RunState = RunState.QUEUED
    nodes: Mapping[str, NodeRun] = field(default_factory=dict)
    outputs: Mapping[str, Any] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    asked_at: float = 0.0
    started_at: float | None = None
    ended_at: float | None = None
    attempt: int = 0
    error: str = ""
    letters: tuple[int, ...] = ()

    @property
    def has_ended(self) -> bool:
        return self.state in (RunState.DONE, RunState.FAILED)

    @property
    def result(self) -> Any:
        """The output of its leaf, None if it has handed none on; of several leaves, the outputs by their ids."""
        return self.outputs.get(self.leaves[0]) if len(self.leaves) == 1 else dict(self.outputs)

    @property
    def is_cut(self) -> bool:
        """Whether something of the result was too big to be kept."""
        return bool(set(self.cut) & set(self.leaves))

    @property
    def ms(self) -> float | None:
        """How long it took from its last beginning, None until it has ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return max(0.0, self.ended_at - self.started_at) * 1000

    def in_layers(self) -> Iterator[tuple[int, NodeRun]]:
        """Yield the nodes layer by layer, each with its layer's number, from 1."""
        for number, layer in enumerate(self.layers, start=1):
            for id in layer:
                yield number, self.nodes.get(id, NodeRun(id))

    def lost_to(self, letter: int) -> Run:
        """Return the run after its item was given up on, as whatever runs it dies: it is this dead letter now."""
        why = "whatever ran it died or was lost, as often as its loop allows"
        ended = {
            id: replace(node, state=NodeRunState.FAILED, error="its process died")
            if node.state is NodeRunState.RUNNING
            else replace(node, state=NodeRunState.SKIPPED)
            if node.state is NodeRunState.WAITING
            else node
            for id, node in self.nodes.items()
        }
        return replace(self, state=RunState.FAILED, nodes=ended, error=why, letters=(letter,))

    def to_json(self) -> bytes:
        """Return it as JSON."""
        # Not `asdict`, which copies what the payloads hold.
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        told["nodes"] = {id: asdict(node) for id, node in self.nodes.items()}
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Run:
        """Read back what `to_json` wrote, here or in a version with other fields."""
        told = _known(cls, json.loads(text))
        told["state"] = RunState(told["state"])
        told["layers"] = tuple(tuple(layer) for layer in told["layers"])
        for name in ("leaves", "cut", "letters"):
            told[name] = tuple(told.get(name, ()))
        nodes = {id: _known(NodeRun, node) for id, node in told.get("nodes", {}).items()}
        told["nodes"] = {id: NodeRun(**node | {"state": NodeRunState(node["state"])}) for id, node in nodes.items()}
        return cls(**told)

    def as_dict(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it, for programs."""
        told = asdict(self)
        told["nodes"] = [
            {"layer": number}
            | {name: _rounded(value) for name, value in asdict(node).items() if value not in (None, "")}
            for number, node in self.in_layers()
        ]
        for name in ("layers", "leaves", "outputs"):
            del told[name]
        return told | {"ms": _rounded(self.ms), "result": self.result}


@dataclass(frozen=True, slots=True)
class Asked:
    """A run that was asked for.

    Attributes:
        run: its id.
        state: of the loop that will run it.
    """

    run: str
    loop: str
    state: LoopState

    @property
    def waits(self) -> str:
        """Why it does not begin now, one sentence; empty if it does."""
        if self.state in (LoopState.RUNNING, LoopState.STARTING, LoopState.DRAINING):
            return ""
        verb = "resume" if self.state in (LoopState.PAUSED, LoopState.PAUSING) else "start"
        return f"{self.loop} is {self.state}: the run waits until you {verb} it"


def kept(value: Any) -> tuple[Any, bool]:
    """Return a value as a run's record keeps it, and whether only the beginning of its JSON is left, as a text.

    What JSON cannot hold is kept as its `repr`. Never raises.
    """
    text, value = through_json(value)
    return (text[:MOST_KEPT], True) if len(text) > MOST_KEPT else (value, False)


def through_json(value: Any) -> tuple[str, Any]:
    """Return the JSON text of a value, and what is read back from it.

    What JSON cannot hold becomes its `repr`; if that is the value itself, the `repr` is both. Never raises.
    """
    try:
        text = json.dumps(value, default=_shown)
        return text, json.loads(text)
    except Exception:  # keys that are no texts, a payload within itself or nested too deeply
        shown = _shown(value)
        return shown, shown


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # an author's class, or nested too deeply
        return object.__repr__(value)


def _rounded(value: Any) -> Any:
    return round(value, 3) if isinstance(value, float) else value


def _known(cls: type[Any], told: Mapping[str, Any]) -> dict[str, Any]:
    return {each.name: told[each.name] for each in fields(cls) if each.name in told}
