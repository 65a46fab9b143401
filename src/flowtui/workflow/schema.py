"""What a workflow document may say, and every way in which it can be wrong."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from flowtui.model.errors import Problem
from flowtui.model.spelling import closest
from flowtui.nodes.durations import Duration
from flowtui.workflow.field_faults import Model, describe, label, unknown_field
from flowtui.workflow.source import KeyPath, Source

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
#: Most tracks of one loop.
MOST_REPLICAS = 64
_NAME_RULE = "a letter, then letters, digits, '-' and '_'"


def _node_id(text: str) -> str:
    if not NAME.fullmatch(text):
        raise PydanticCustomError("bad-id", "{text} is no node id: it must be " + _NAME_RULE, {"text": repr(text)})
    return text


def _workflow_name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise PydanticCustomError(
            "bad-name", "{text} is no workflow name: it must be " + _NAME_RULE, {"text": repr(text)}
        )
    return text


def _as_list(needs: Any) -> Any:
    return [needs] if isinstance(needs, str) else needs


_NAME_SCHEMA = {"type": "string", "pattern": f"^{NAME.pattern}$"}
_Names = Annotated[
    list[str],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


class BatchOptions(Model):
    """How many items of a queue an iteration takes at once."""

    size: int = Field(ge=1, le=10_000, description="Most items of one batch.")
    age: Annotated[Duration, Field(gt=0)] = Field(
        default=1.0,
        description="Time after which a batch goes on with what there is, counted from its first item.",
    )


class LoopOptions(Model):
    """How a loop runs; written at its producer."""

    pool: Literal["asyncio", "thread", "process"] | None = Field(
        default=None,
        description="Where the loop runs: on the shared event loop, in a thread, or in a process of its own. Without "
        "it the highest that a node of the loop asks for.",
    )
    replicas: int = Field(default=1, ge=1, le=MOST_REPLICAS, description="Tracks that run side by side.")
    restarts: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="How often in a row a track whose process died is started again; 0 for never.",
    )
    on_error: Literal["dead_letter", "pause", "stop"] = Field(
        default="dead_letter",
        description="What the loop does after an item has failed: go on, pause or stop. The item is a dead letter in "
        "any case.",
    )
    autostart: bool = Field(default=True, description="Whether the loop starts with flowtui.")
    max_in_flight: int = Field(
        default=16, ge=1, le=100_000, description="Iterations of a track that may be on their way at the same time."
    )
    breaker: int = Field(
        default=10,
        ge=0,
        le=1_000_000,
        description="Failed iterations in a row after which the loop pauses; 0 for never.",
    )
    max_dead_letters: int = Field(
        default=10_000, ge=1, le=100_000_000, description="Dead letters of the loop at which it pauses."
    )
    max_deliveries: int = Field(
        default=5,
        ge=0,
        le=1_000,
        description="How often an item of the queue is handed out before it becomes a dead letter; 0 for any number.",
    )
    batch: BatchOptions | None = Field(
        default=None, description="For a queue's reader: take several items at once; without it one by one."
    )


class RetryOptions(Model):
    """How often, and how long apart, a failing node is tried again with the same item."""

    attempts: int = Field(default=3, ge=1, le=1_000, description="Tries in all, the first among them.")
    delay: Duration = Field(
        default=1.0,
        description="Time before the second try; each later one waits `factor` times longer, up to `max_delay`.",
    )
    factor: float = Field(
        default=2.0, ge=1.0, le=100.0, strict=False, description="How much longer each wait is than the one before."
    )
    max_delay: Duration = Field(default=30.0, description="Longest time between two tries.")
    jitter: bool = Field(
        default=True,
        description="Whether a random part of up to `delay` is added, so that many items do not come back at once.",
    )
    on: _Names = Field(
        default=[],
        description="Names of the exception classes to try again on, their subclasses too; any exception if empty.",
    )


class CacheOptions(Model):
    """Use a node's output again for an equal input."""

    ttl: Duration = Field(gt=0, description="For how long.")


class NodeDoc(Model):
    """One node as written; `needs` holds `id` or `id.port`."""

    type: str
    title: str = Field(default="", description="The node's name on the screen; without it its id.")
    needs: _Names = Field(
        default=[],
        description="The nodes that this one waits for: one id or a list; `id.port` is one branch of a conditional.",
    )
    config: dict[str, Any] = Field(default={}, description="The settings of the node; which there are says its type.")
    retry: RetryOptions | None = Field(
        default=None, description="How often, and how long apart, the node is tried again when it fails."
    )
    timeout: Annotated[Duration, Field(gt=0)] | None = Field(
        default=None, description="Time for one try, like `10s`; without it as long as it takes."
    )
    cache: CacheOptions | None = Field(default=None, description="Use the node's output again for an equal input.")
    loop: LoopOptions | None = Field(default=None, description="How the loop that this producer drives runs.")


class FileDoc(Model):
    """A flowtui workflow."""

    name: Annotated[str, AfterValidator(_workflow_name), WithJsonSchema(_NAME_SCHEMA)] | None = Field(
        default=None, description="The workflow's name; without it the file's."
    )
    description: str = Field(default="", description="What the workflow is for.")
    nodes: dict[Annotated[str, AfterValidator(_node_id), WithJsonSchema(_NAME_SCHEMA)], NodeDoc] = Field(
        description="All nodes by their id. Each producer among them drives a loop."
    )


class Checked:
    """A document after the check.

    Attributes:
        document: what is left without the parts that are wrong; None if nothing is.
        problems: one for each wrong part.
        unusable: ids of nodes that had to be left out.
        left_out: `(node id, field)` of the fields that had to be left out of the other nodes.
    """

    def __init__(self, source: Source, value: Mapping[str, Any]) -> None:
        self.document: FileDoc | None = None
        self.problems: list[Problem] = []
        self.unusable: set[str] = set()
        self.left_out = {(str(p[1]), str(p[2])) for p in source.damaged if len(p) > 2 and p[0] == "nodes"}
        self._source = source
        self._meant: set[KeyPath] = set()
        rest = copy.deepcopy(dict(value))
        try:
            self.document = FileDoc.model_validate(rest)
        except ValidationError as error:
            errors = error.errors(include_url=False)
            self._meant = self._misspelt(errors)
            for details in errors:
                self._take(details, rest)
            if isinstance(rest.get("nodes"), dict):
                self.document = FileDoc.model_validate(rest)

    def _take(self, details: ErrorDetails, rest: dict[str, Any]) -> None:
        in_key = details["loc"][-1] == "[key]"
        path: KeyPath = details["loc"][:-1] if in_key else details["loc"]
        if details["type"] == "extra_forbidden":
            self.problems.append(self._unknown_field(path))
        elif not self._source.is_damaged(path) and path not in self._meant:
            message, code = describe(details, label(path), _ADDED, "one id or a list of ids")
            self.problems.append(self._source.problem(path, message, code, key=in_key))
        self._leave_out(path, rest, extra=details["type"] == "extra_forbidden")

    def _misspelt(self, errors: Sequence[ErrorDetails]) -> set[KeyPath]:
        """Return the fields that are not there because their names are misspelt; nodes count as lacking theirs."""
        unknown = [details["loc"] for details in errors if details["type"] == "extra_forbidden"]
        names = {path: closest(str(path[-1]), _place_of(path)[1].model_fields) for path in unknown}
        meant = {(*path[:-1], name) for path, name in names.items() if name is not None}
        meant -= self._source.keys.keys()
        self.left_out |= {(str(path[1]), str(path[2])) for path in meant if path[0] == "nodes" and len(path) == 3}
        return meant

    def _unknown_field(self, path: KeyPath) -> Problem:
        where, model = _place_of(path)
        message = unknown_field(str(path[-1]), where, model)
        return self._source.problem(path, message, "unknown-field", key=True)

    def _leave_out(self, path: KeyPath, rest: dict[str, Any], *, extra: bool) -> None:
        nodes = rest.get("nodes")
        if path[0] != "nodes" or len(path) == 1 or not isinstance(nodes, dict):
            rest.pop(str(path[0]), None)
            return
        node_id, field = str(path[1]), str(path[2]) if len(path) > 2 else ""
        if field in ("", "type"):
            nodes.pop(node_id, None)
            self.unusable.add(node_id)
        elif extra and len(path) > 3:
            nodes.get(node_id, {}).get(field, {}).pop(path[3], None)
        else:
            nodes.get(node_id, {}).pop(field, None)
            if not extra:
                self.left_out.add((node_id, field))


#: What to write for each field that must be there.
_ADDED = {
    "nodes": "it, with at least one node",
    "type": "it, like 'type: log'",
    "ttl": "it, like 'ttl: 10m'",
    "size": "it, like 'size: 50'",
}
_OPTIONS: dict[str, type[Model]] = {
    "loop": LoopOptions,
    "batch": BatchOptions,
    "retry": RetryOptions,
    "cache": CacheOptions,
}


def _place_of(path: KeyPath) -> tuple[str, type[Model]]:
    """Return in words where the field at a path stands, and the model of that place."""
    if len(path) > 3:
        return f"'{path[-2]}'", _OPTIONS[str(path[-2])]
    return ("a node", NodeDoc) if len(path) == 3 else ("a workflow", FileDoc)
