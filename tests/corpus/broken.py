"""What a mutation makes: a file in which one thing is wrong, and what must be said about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from corpus.outline import Entry, Good

#: Most broken files that one mutation makes of one good file.
MOST = 2


@dataclass(frozen=True)
class Fault:
    """A problem that must be reported; a column of 0 is any."""

    line: int
    column: int
    code: str


@dataclass(frozen=True)
class Broken:
    """A broken file.

    Attributes:
        what: which change made it.
        faults: all problems that must be reported, and there must be no others.
        says: what the first of them must say to help.
    """

    what: str
    text: str
    faults: tuple[Fault, ...]
    says: str


Mutation = Callable[[Good], Iterator[Broken]]
#: Every mutation by its name.
MUTATIONS: dict[str, Mutation] = {}


def mutation(make: Mutation) -> Mutation:
    """Add a mutation to all; its name says what it does."""
    MUTATIONS[make.__name__] = make
    return make


def spread(broken: list[Broken]) -> list[Broken]:
    """Return at most `MOST`, from all over the file."""
    if len(broken) <= MOST:
        return broken
    return [broken[index * len(broken) // MOST] for index in range(MOST)]


def at_value(what: str, text: str, entry: Entry, code: str, says: str) -> Broken:
    """A file whose fault is the value of an entry."""
    return Broken(what, text, (Fault(entry.line, entry.column, code),), says)


def at_key(what: str, text: str, entry: Entry, code: str, says: str) -> Broken:
    """A file whose fault is the key of an entry."""
    return Broken(what, text, (Fault(entry.line, entry.key_column, code),), says)


def misspelt(word: str) -> str:
    """A slip of the pen: two letters in the wrong order, or one too many if they are equal."""
    middle = len(word) // 2
    swapped = word[: middle - 1] + word[middle] + word[middle - 1] + word[middle + 1 :]
    return swapped if swapped != word else word[:middle] + "x" + word[middle:]
