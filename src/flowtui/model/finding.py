"""Where an item is: what is looked for, where it was found, and how far one has looked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flowtui.model.development import Sample

#: How much of a text stands before the hit and in all where a hit is shown, in characters.
_BEFORE = 24
_BY_HAND = "runs by hand"
_LONGEST = 240


class Where(StrEnum):
    """The kinds of places, in the order in which they answer where an item is now."""

    IN_FLIGHT = "in flight"
    WAITING = "waiting"
    DEAD = "dead"
    RUN = "run"
    PASSED = "passed"
    KEPT = "kept"
    LOGGED = "logged"


_ORDER = {where: place for place, where in enumerate(Where)}


class Wanted:
    """A text that is looked for, in any case of its letters.

    Attributes:
        needles: the forms in which it may stand in stored data whose ASCII letters were made small.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        # JSON may stand without the spaces that people see behind its commas and colons.
        cases = (text, text.lower(), text.upper(), text.replace(": ", ":").replace(", ", ","))
        forms = (form for each in cases for form in (each, json.dumps(each)[1:-1]))
        self.needles = tuple(dict.fromkeys(form.encode("utf-8", "surrogatepass").lower() for form in forms))
        self._any = re.compile(re.escape(text), re.IGNORECASE)
        self._named = re.compile(rf"(?<![^\W_]){re.escape(text)}", re.IGNORECASE)
        self._whole = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)", re.IGNORECASE)

    def is_in(self, *texts: str) -> bool:
        """Tell whether one of these texts holds it."""
        return any(self._any.search(text) for text in texts)

    def names(self, *ids: str) -> bool:
        """Tell whether a part of one of these ids begins with it: within a made id any two digits stand somewhere."""
        return any(self._named.search(id) for id in ids)

    def is_whole_in(self, *texts: str) -> bool:
        """Tell whether it stands for itself in one of these texts, not within a longer number or word."""
        return any(self._whole.search(text) for text in texts)

    def excerpt(self, text: str) -> str:
        """Return one line of a text with the hit near its beginning; if there is none, the beginning."""
        found = self._whole.search(text) or self._any.search(text)
        start = max(0, found.start() - _BEFORE) if found is not None else 0
        cut = " ".join(text[start : start + _LONGEST].split())
        return f"{'…' if start else ''}{cut}{'…' if start + _LONGEST < len(text) else ''}"


@dataclass(frozen=True, slots=True)
class Hit:
    """One place in which the text was found.

    Attributes:
        id, trace: of the item; empty where that is not known.
        at: since when it is there, or when it was there, in seconds since the epoch.
        text: one line of what was found, with the hit in it.
        is_whole: whether the text stands for itself there, not within a longer number or word.
        queue: full name of the queue that it waits in or was taken from; empty for a run by hand, and elsewhere.
        loop: the loop that it waits for, that has it, or that has met it; empty while nobody reads its queue.
        holder: `host:pid` of the process that has it in flight.
        ahead: how many items stand before it in its queue.
        tries: how often it was handed out, this time included.
        letter: number of its dead letter, else 0.
        of_production: whether that letter is one of the production beside which the engine develops.
        note: what more is to be known, a few words.
        sample: what is known of an item that has passed through a node.
    """

    where: Where
    id: str
    at: float
    text: str
    is_whole: bool = True
    trace: str = ""
    queue: str = ""
    loop: str = ""
    node: str = ""
    holder: str = ""
    ahead: int = 0
    tries: int = 0
    letter: int = 0
    of_production: bool = False
    note: str = ""
    sample: Sample | None = None

    @property
    def key(self) -> tuple[object, ...]:
        """What makes two findings the same: an item moves on while one looks, and the last place counts."""
        if self.where in (Where.IN_FLIGHT, Where.WAITING):
            return self.queue, self.loop, self.id
        return self.where, self.loop, self.node, self.letter, self.id, self.at, self.note

    @property
    def place(self) -> str:
        """Where it is, in words."""
        match self.where:
            case Where.IN_FLIGHT:
                again = f", try {self.tries}" if self.tries > 1 else ""
                return f"{self.queue or _BY_HAND} → {self.loop} on {self.holder}{again}"
            case Where.WAITING:
                reader = f" → {self.loop}" if self.loop else ", which nobody reads yet"
                return f"{self.queue or _BY_HAND}{reader}, {f'{self.ahead:,} before it' if self.ahead else 'next'}"
            case Where.DEAD:
                return f"letter {self.letter}: {self.loop} {self.node}, {self.note}"
        return " ".join(filter(None, (self.loop or "flowtui", self.node))) + (f", {self.note}" if self.note else "")

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it."""
        names = ("where", "place", "id", "trace", "at", "text", "queue", "loop", "node", "holder", "letter", "note")
        told = {name: getattr(self, name) for name in names}
        if self.where is Where.WAITING:
            told["ahead"] = self.ahead
        return {name: value for name, value in told.items() if value not in ("", 0) or name in ("id", "ahead")}


@dataclass(frozen=True, slots=True)
class Looked:
    """How far one has looked in one kind of place: `done` of `total` things, with their name for many and for one."""

    noun: str
    one: str
    done: int
    total: int

    def __str__(self) -> str:
        if self.done < self.total:
            return f"{self.done:,} of {self.total:,} {self.noun}"
        return f"{self.done:,} {self.one if self.done == 1 else self.noun}"


@dataclass(frozen=True, slots=True)
class FoundPage:
    """What was found since the page before.

    Attributes:
        looked: how far one has looked so far.
        full: places that hold more hits than are told.
        unread: what could not be looked at, a sentence each.
    """

    hits: tuple[Hit, ...] = ()
    looked: tuple[Looked, ...] = ()
    full: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Findings:
    """All that was found so far, the place where an item is now first.

    Attributes:
        looked, full, unread: as of the last page.
    """

    def __init__(self) -> None:
        self._hits: dict[tuple[object, ...], Hit] = {}
        self.looked: tuple[Looked, ...] = ()
        self.full: tuple[str, ...] = ()
        self.unread: tuple[str, ...] = ()

    def add(self, page: FoundPage) -> None:
        """Take a page; an item that has moved on meanwhile is where it was seen last."""
        self._hits.update((hit.key, hit) for hit in page.hits)
        self.looked, self.full, self.unread = page.looked, page.full, page.unread

    @property
    def hits(self) -> list[Hit]:
        """The hits: whole words before parts of others, then by kind of place, the newest first."""
        return sorted(self._hits.values(), key=lambda hit: (not hit.is_whole, _ORDER[hit.where], -hit.at))

    @property
    def progress(self) -> str:
        """How far one has looked, in words: where one looks now, or all of it at the end."""
        under_way = [each for each in self.looked if each.done < each.total]
        return f"looked at {under_way[0] if under_way else _joined(map(str, self.looked))}"


def _joined(words: Iterable[str]) -> str:
    *most, last = list(words) or ["nothing yet"]
    return f"{', '.join(most)} and {last}" if most else last
