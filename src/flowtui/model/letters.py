"""Dead letters: failed payloads with what is needed to understand them and to run the rest."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, NamedTuple

from flowtui.model.data import NodeData

#: What holds data of nodes, which may be anything.
PARTS = ("payload", "item", "by", "upstream")
#: What is not part of the letter's text: the store tells it.
_FROM_STORE = frozenset({"number", "edits", "replaying", "note", "of_production"})


#: One of `PARTS`, then keys and list places.
KeyPath = tuple[str | int, ...]


class Hidden(NamedTuple):
    """A text in which secrets stood.

    Attributes:
        at: where in the letter.
        parts: what the text was made of; a pair is the name of a secret and the form of its value.
    """

    at: KeyPath
    parts: tuple[str | tuple[str, str], ...]

    @property
    def secrets(self) -> list[str]:
        """The names of the secrets."""
        return [part[0] for part in self.parts if not isinstance(part, str)]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A failed payload.

    Data of nodes other than payloads is in the form that `stored` gives.

    Attributes:
        id: id of the item that failed.
        loop, node: where it failed; both are ids.
        revision: of the loop that ran it.
        payload: the input of the failed node.
        trace: the item's trace id.
        attempt: how often the item had been handed out, replays included.
        error: the exception's type name.
        message: the exception's text.
        traceback: formatted, the author's frames first.
        fingerprint: equal for letters of the same error type, node and frame.
        failed_at: seconds since the epoch.
        origin: id of the loop in which the item was made.
        queue: full name of the queue that the loop reads, empty if its producer makes the items.
        item: the payload with which the iteration began, None if that is `payload`.
        data_id: id of the input if a node has given it another than that of the item, else empty.
        by: of a failed join, by need: the outputs that were merged into `payload`.
        upstream: the outputs that joins behind the node still need, by need (`node` or `node.port`); None for one that
            was skipped.
        alone: whether all behind the node has run already, so that only the node itself is left.
        tied_to: other nodes that failed in the same iteration, and for which a join behind this one waits too.
        first_at: when it failed for the first time, seconds since the epoch; 0 if that was `failed_at`.
        replays: how often it was replayed and failed again.
        nth, of: one iteration may leave several letters; the store gives them numbers in a row.
        unreadable: whether `payload` only shows, under `raw`, what was no JSON object.
        batch: how many items of the queue it stands for, 0 if it is no batch; what is run again is always the batch.
        inexact: which parts held what a letter cannot: what is no JSON, which is kept as its `repr`, or what templates
            had made of a secret.
        hidden: the texts that show `***NAME***` in place of a secret, which a replay puts back.
        number: given by the store, unique over all loops; 0 before that.
        edits: how often its payload was edited.
        replaying: whether it has been handed over to be run again.
        note: why the last replay could not run it, empty if it could.
        of_production: whether it is one of the production beside which the engine develops; it only reads it.
    """

    id: str
    loop: str
    node: str
    revision: str
    payload: dict[str, Any]
    trace: str
    attempt: int
    error: str
    message: str
    traceback: str
    fingerprint: str
    failed_at: float
    origin: str = ""
    queue: str = ""
    item: dict[str, Any] | None = None
    data_id: str = ""
    by: dict[str, Any] = field(default_factory=dict)
    upstream: dict[str, Any] = field(default_factory=dict)
    alone: bool = False
    tied_to: tuple[str, ...] = ()
    first_at: float = 0.0
    replays: int = 0
    nth: int = 1
    of: int = 1
    unreadable: bool = False
    batch: int = 0
    inexact: tuple[str, ...] = ()
    hidden: tuple[Hidden, ...] = ()
    number: int = field(default=0, compare=False)
    edits: int = field(default=0, compare=False)
    replaying: bool = field(default=False, compare=False)
    note: str = field(default="", compare=False)
    of_production: bool = field(default=False, compare=False)

    @property
    def whole(self) -> dict[str, Any]:
        """The payload with which the iteration began."""
        return self.payload if self.item is None else self.item

    @property
    def since(self) -> float:
        """When it failed for the first time, in seconds since the epoch."""
        return self.first_at or self.failed_at

    @property
    def companions(self) -> range:
        """The numbers of all letters that its iteration has left, its own among them."""
        first = self.number - self.nth + 1
        return range(first, first + self.of)

    def why_not(self, *, from_start: bool) -> str:
        """Return why it cannot be replayed as it is and what to do, empty if it can."""
        if self.unreadable:
            return f"the item of letter {self.number} could not be read: edit its payload first"
        if from_start:
            lost = ("payload" if self.item is None else "item") in self.inexact
            return f"letter {self.number}: its item held what a letter cannot hold; edit it first" if lost else ""
        if self.tied_to:
            others = ", ".join(self.tied_to)
            return (
                f"letter {self.number}: a join behind {self.node} also waits for {others}, which failed as well; "
                "replay it from the start"
            )
        if "payload" in self.inexact or "by" in self.inexact:
            return (
                f"letter {self.number}: the input of {self.node} held what a letter cannot hold; edit it first, or "
                "replay it from the start"
            )
        if "upstream" in self.inexact:
            return (
                f"letter {self.number}: a join behind {self.node} needs an output that a letter cannot hold; replay it "
                "from the start"
            )
        return ""

    def to_json(self) -> bytes:
        """Return the letter as JSON; what JSON cannot hold is kept as its `repr`. Never raises."""
        # Not `asdict`: it copies the payload, and not everything in there lets itself be copied.
        letter = {each.name: getattr(self, each.name) for each in fields(self) if each.name not in _FROM_STORE}
        try:
            return _as_json(letter)
        except Exception:  # an author's class, keys that are no texts, a payload within itself or nested too deeply
            inexact = {*self.inexact}
            for part in PARTS:
                letter[part], is_exact = as_json_can(letter[part])
                inexact |= set() if is_exact else {part}
            return _as_json(letter | {"inexact": sorted(inexact)})

    @classmethod
    def from_json(cls, text: bytes) -> DeadLetter:
        """Read back what `to_json` wrote, here or in a version with other fields."""
        known = {each.name for each in fields(cls)} - _FROM_STORE
        letter = {name: value for name, value in json.loads(text).items() if name in known}
        for name in ("tied_to", "inexact"):
            letter[name] = tuple(letter.get(name, ()))
        letter["hidden"] = tuple(_hidden(*each) for each in letter.get("hidden", ()))
        return cls(**letter)

    def edited(self, part: str, value: dict[str, Any]) -> DeadLetter:
        """Return it with another `payload` or `item`.

        Where that still shows a secret as it was shown before, the secret stays hidden there.
        """
        source = "payload" if part == "item" and self.item is None else part
        before = getattr(self, source)
        kept = [
            hidden._replace(at=(part, *hidden.at[1:]))
            for hidden in self.hidden
            if hidden.at[0] == source and _at(before, hidden.at[1:]) == _at(value, hidden.at[1:])
        ]
        others = [hidden for hidden in self.hidden if hidden.at[0] != part]
        inexact = tuple(each for each in self.inexact if each != part)
        new: dict[str, Any] = {part: value}
        return replace(self, **new, unreadable=False, inexact=inexact, hidden=(*others, *kept))

    def as_dict(self) -> dict[str, Any]:
        """Return all of it, what the store tells too, as JSON can hold it."""
        told: dict[str, Any] = json.loads(self.to_json())
        return {"number": self.number} | told | {"edits": self.edits, "replaying": self.replaying, "note": self.note}


@dataclass(frozen=True, slots=True)
class ReplayAnswer:
    """What has come of a wish to replay letters.

    Attributes:
        queued: letters that wait now to be run again by their loop's replay track.
        requeued: letters that have become items at the end of their queue again.
        refused: a sentence for every letter that stays as it was.
        revisions: a sentence for every loop that runs letters now in another revision than they failed in.
    """

    queued: int = 0
    requeued: int = 0
    refused: tuple[str, ...] = ()
    revisions: tuple[str, ...] = ()

    def __add__(self, other: ReplayAnswer) -> ReplayAnswer:
        return ReplayAnswer(
            self.queued + other.queued,
            self.requeued + other.requeued,
            (*self.refused, *other.refused),
            tuple(dict.fromkeys((*self.revisions, *other.revisions))),
        )

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        return asdict(self)


def stored(data: NodeData, item: str) -> dict[str, Any]:
    """Return data of a node in the form in which a letter keeps it; `item` is the id that it has as a rule."""
    kept: dict[str, Any] = {"payload": data.payload}
    if data.by:
        kept["by"] = {need: stored(each, item) for need, each in data.by.items()}
    if data.id != item:
        kept["id"] = data.id
    return kept


def restored(kept: Mapping[str, Any], like: NodeData) -> NodeData:
    """Return what `stored` was given, with the meta, and as a rule the id, of `like`."""
    by = {need: restored(each, like) for need, each in kept.get("by", {}).items()}
    return NodeData(kept["payload"], kept.get("id", like.id), like.meta, by)


def _hidden(at: list[str | int], parts: list[Any]) -> Hidden:
    return Hidden(tuple(at), tuple(part if isinstance(part, str) else (part[0], part[1]) for part in parts))


def _at(value: Any, path: KeyPath) -> Any:
    for key in path:
        try:
            value = value[key]
        except (LookupError, TypeError):
            return None
    return value


def _as_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def as_json_can(part: Any) -> tuple[Any, bool]:
    """Return a part as JSON can hold it, and whether that is all of it."""
    try:
        _as_json(part)
    except Exception:
        try:
            return json.loads(json.dumps(part, default=_shown)), False
        except Exception:
            return {"repr": _shown(part)}, False
    return part, True


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # an author's class, or nested too deeply
        return object.__repr__(value)
