"""What development mode knows of a node: where its input comes from, what its runs made of it, what it may change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from flowtui.model.data import Meta, NodeData
from flowtui.model.forms import Edit, Form, KeyPath
from flowtui.model.states import NodeKind

#: How many runs of each node are kept.
RUNS_KEPT = 20


class Origin(StrEnum):
    """Where an input comes from; the first four in the order in which they are preferred."""

    MOCK = "mock"
    PIN = "pin"
    CACHE = "cache"
    SAMPLE = "sample"
    LETTER = "dead letter"


@dataclass(frozen=True, slots=True)
class Stored:
    """Data of a node in the form in which it is kept.

    Attributes:
        by: of a join: what each upstream gave, in the same form.
        id: of the item, empty if it has none of its own.
    """

    payload: dict[str, Any]
    by: Mapping[str, Stored] = field(default_factory=dict)
    id: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        told: dict[str, Any] = {"payload": self.payload}
        if self.by:
            told["by"] = {need: each.as_dict() for need, each in self.by.items()}
        if self.id:
            told["id"] = self.id
        return told

    @classmethod
    def of(cls, data: NodeData) -> Stored:
        """Return what keeps these data, whose payloads JSON can hold."""
        return cls(data.payload, {need: cls.of(each) for need, each in data.by.items()}, data.id)

    def as_data(self, id: str = "", meta: Meta | None = None) -> NodeData:
        """Return the data; `id` is that of the item if it has none of its own."""
        known = meta or Meta()
        by = {need: each.as_data(id, known) for need, each in self.by.items()}
        return NodeData(self.payload, self.id or id, known, by)

    @classmethod
    def from_dict(cls, told: Mapping[str, Any]) -> Stored:
        """Read back what `as_dict` returned."""
        by = {need: cls.from_dict(each) for need, each in told.get("by", {}).items()}
        return cls(told["payload"], by, told.get("id", ""))


@dataclass(frozen=True, slots=True)
class NodeInput:
    """One input that a node may run with.

    Attributes:
        upstream: the node whose output it is; empty if it is all that the node takes, as a dead letter's payload is.
        port: that a conditional upstream chose.
        at: when it was made, in seconds since the epoch; 0 for a mock.
        revision: of the workflow that made it; may be empty.
        stale: why it may not be what the upstream would make now, one clause; empty if nothing says so.
        letter: number of the dead letter; 0 for other origins.
    """

    origin: Origin
    data: Stored
    upstream: str = ""
    port: str = ""
    at: float = 0.0
    revision: str = ""
    stale: str = ""
    letter: int = 0


@dataclass(frozen=True, slots=True)
class MissingInput:
    """An upstream of which nothing is known; `message` says so and what to do."""

    upstream: str
    message: str


@dataclass(frozen=True, slots=True)
class NodeFailure:
    """Why a run failed.

    Attributes:
        error: name of the error's class.
        place: ` (file.py:31 in execute)` of the author's frame, or empty.
        traceback: the author's frame first.
    """

    error: str
    message: str
    place: str = ""
    traceback: str = ""


@dataclass(frozen=True, slots=True)
class DevLine:
    """One line that a node logged or printed in a run; `level` is a `logging` level, `time` seconds since the epoch."""

    time: float
    level: int
    message: str


@dataclass(frozen=True, slots=True)
class DevRun:
    """One run of one node in development mode.

    Attributes:
        at: when it began, in seconds since the epoch.
        ms: how long the node itself took; None if it never began.
        config: as written, with the changes that were tried; secrets stand in it as `${secret:NAME}` only.
        inputs: what it ran with; none for a producer.
        output: what it handed on; None if it dropped the item, or failed.
        port: that a conditional chose.
        note: what became of it in words where there is no output: `dropped the item`, `exhausted`, `nothing now`.
        failure: None if it went well.
        revisions: of the code and config of the node and of all upstream of it, by node.
        cut: what was too big to be kept: `input` or `output`.
        revision: of the workflow.
    """

    id: str
    loop: str
    node: str
    at: float
    ms: float | None
    config: Mapping[str, Any]
    inputs: tuple[NodeInput, ...]
    output: Stored | None = None
    port: str = ""
    note: str = ""
    failure: NodeFailure | None = None
    lines: tuple[DevLine, ...] = ()
    revisions: Mapping[str, str] = field(default_factory=dict)
    cut: tuple[str, ...] = ()
    revision: str = ""

    @property
    def ok(self) -> bool:
        return self.failure is None

    def to_json(self) -> bytes:
        """Return it as JSON."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        told["inputs"] = [_input_dict(each) for each in self.inputs]
        told["output"] = None if self.output is None else self.output.as_dict()
        told["failure"] = None if self.failure is None else asdict(self.failure)
        told["lines"] = [asdict(line) for line in self.lines]
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> DevRun:
        """Read back what `to_json` wrote."""
        told = json.loads(text)
        told["inputs"] = tuple(_input(each) for each in told["inputs"])
        told["output"] = None if told["output"] is None else Stored.from_dict(told["output"])
        told["failure"] = None if told["failure"] is None else NodeFailure(**told["failure"])
        told["lines"] = tuple(DevLine(**line) for line in told["lines"])
        told["cut"] = tuple(told["cut"])
        return cls(**told)


@dataclass(frozen=True, slots=True)
class DevRequest:
    """A wish to run one node.

    Attributes:
        config: to try in place of the file's; None for the file's.
        inputs: to run with; for each upstream that none of them is for, what `Inspection.inputs` names is taken.
    """

    loop: str
    node: str
    config: Mapping[str, Any] | None = None
    inputs: tuple[NodeInput, ...] = ()


@dataclass(frozen=True, slots=True)
class Sample:
    """One item that passed through a node in production.

    Attributes:
        at: in seconds since the epoch.
        input: None for a producer.
        output: None if the node dropped the item, or failed.
        error: `Type: text` if it failed.
        revisions: of the code and config of the node and of all upstream of it, by node.
        cut: `input` or `output` if that was too big to be kept; its payload is then empty.
    """

    loop: str
    node: str
    at: float
    item: str
    input: Stored | None
    output: Stored | None
    port: str = ""
    error: str = ""
    revision: str = ""
    revisions: Mapping[str, str] = field(default_factory=dict)
    cut: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """Return it as JSON."""
        told = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in ("input", "output"):
            told[name] = None if told[name] is None else told[name].as_dict()
        return json.dumps(told, separators=(",", ":")).encode()

    @classmethod
    def from_json(cls, text: bytes) -> Sample:
        """Read back what `to_json` wrote."""
        told = json.loads(text)
        for name in ("input", "output"):
            told[name] = None if told[name] is None else Stored.from_dict(told[name])
        told["cut"] = tuple(told["cut"])
        return cls(**told)


@dataclass(frozen=True, slots=True)
class TapBatch:
    """What has passed through a tapped node.

    Attributes:
        samples: those that are new, oldest first.
        taken: how many there were since the tap began; also the number of the last of `samples`.
        passed: how many items have passed since then; `passed - taken` were seen by nobody.
    """

    samples: tuple[Sample, ...] = ()
    taken: int = 0
    passed: int = 0


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A node that has to run before another one has its input.

    Attributes:
        why: why it has to, one clause.
    """

    node: str
    type: str
    why: str


@dataclass(frozen=True, slots=True)
class Preview:
    """A config that is being edited, and what it means for one input.

    Attributes:
        rendered: of fields that hold templates: what they become, as JSON text, or why they do not.
    """

    edit: Edit
    rendered: Mapping[KeyPath, str]


@dataclass(frozen=True, slots=True)
class Inspection:
    """All that is known of a node.

    Attributes:
        upstream: the nodes whose outputs it takes, in the order of the file.
        path, line: of the node in its workflow file, from 1.
        source: of the author's class: its file and line; None if the type is built in or installed.
        digest: of the file as it was read: `save_config` refuses to overwrite another one.
        config: as written.
        form: of that config.
        inputs: what the node would run with, for each upstream.
        missing: upstreams for which there is nothing.
        choices: every input that is at hand, the newest of each origin first: pins, cache, samples.
        runs: the last runs, newest first.
        pinned: the output of this node that its dependants get.
        production: the last production sample of this node.
        may_edit: why its config and payloads may not be changed, empty if they may.
    """

    loop: str
    node: str
    type: str
    kind: NodeKind
    upstream: tuple[str, ...]
    path: Path
    line: int
    source: tuple[Path, int] | None
    digest: str
    config: Mapping[str, Any]
    form: Form
    inputs: tuple[NodeInput, ...]
    missing: tuple[MissingInput, ...]
    choices: tuple[NodeInput, ...]
    runs: tuple[DevRun, ...]
    pinned: Stored | None
    production: Sample | None
    may_edit: str = ""


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """A place in a file that a person may want to edit; line and column from 1, 0 if not known."""

    path: Path
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class SavedConfig:
    """A config that was written to its file, with what is needed to take that back.

    Attributes:
        digest: of the file as it is now.
        before: the file's text before.
    """

    path: Path
    digest: str
    before: str


def _input_dict(given: NodeInput) -> dict[str, Any]:
    return {each.name: getattr(given, each.name) for each in fields(given)} | {"data": given.data.as_dict()}


def _input(told: Mapping[str, Any]) -> NodeInput:
    return NodeInput(**{**told, "origin": Origin(told["origin"]), "data": Stored.from_dict(told["data"])})


def mock(payload: dict[str, Any], upstream: str = "", like: NodeInput | None = None) -> NodeInput:
    """Return an input that a person typed; `like` is what it was made from, whose branches and id it keeps."""
    if like is None:
        return NodeInput(Origin.MOCK, Stored(payload), upstream)
    return replace(like, origin=Origin.MOCK, data=replace(like.data, payload=payload), at=0.0, stale="")
