"""In which order the rows of a table stand: sorted by what they are worth, and calm while that changes a little."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Item = TypeVar("Item")

#: What a row is worth in a column: a number, a text or a rank; None stands last in either direction.
Value = Any
#: A figure is out of its place only if it differs by more than this part of it.
_A_LITTLE = 0.05
#: Rows change places for their figures at most every so many seconds.
_REST_S = 3.0


@dataclass(frozen=True, slots=True)
class Sorting:
    """What rows are sorted by.

    Attributes:
        title: of the column.
        value: what an item is worth in it.
        falls: whether the greatest comes first.
        calm: whether small changes of the value, and changes that come too fast, leave the rows where they are.
    """

    title: str
    value: Callable[[Any], Value]
    falls: bool = False
    calm: bool = False


class CalmOrder:
    """Remembers in which order rows were shown, so that they change places only when it is worth it."""

    def __init__(self) -> None:
        self._sorting: Sorting | None = None
        self._places: dict[object, int] = {}
        self._sorted_at = 0.0

    def arrange(
        self, items: Sequence[Item], key: Callable[[Item], object], sorting: Sorting | None, now: float
    ) -> list[Item]:
        """Return the items in order at `now` (of `time.monotonic`); without a sorting as they were given.

        Items that are worth the same stand as they were given.
        """
        if sorting is None:
            self._sorting, self._places = None, {}
            return list(items)
        kept = self._as_before(items, key, sorting)
        if kept is not None and self._may_stay(kept, sorting, now):
            return kept
        ordered = sort_by(items, sorting)
        self._sorting, self._sorted_at = sorting, now
        self._places = {key(item): place for place, item in enumerate(ordered)}
        return ordered

    def _as_before(self, items: Sequence[Item], key: Callable[[Item], object], sorting: Sorting) -> list[Item] | None:
        known = self._sorting
        if known is None or (known.title, known.falls) != (sorting.title, sorting.falls):
            return None
        places = [self._places.get(key(item)) for item in items]
        if None in places:
            return None
        return [item for _, item in sorted(zip(places, items, strict=True), key=lambda pair: pair[0] or 0)]

    def _may_stay(self, kept: Sequence[Item], sorting: Sorting, now: float) -> bool:
        if sorting.calm and now - self._sorted_at < _REST_S:
            return True
        slack = _A_LITTLE if sorting.calm else None
        return in_place([sorting.value(item) for item in kept], falls=sorting.falls, slack=slack)


def sort_by(items: Sequence[Item], sorting: Sorting) -> list[Item]:
    """Return the items sorted; those that are worth nothing (None) come last."""
    valued = [(sorting.value(item), item) for item in items]
    worth = sorted((pair for pair in valued if pair[0] is not None), key=lambda pair: pair[0], reverse=sorting.falls)
    return [item for _, item in worth] + [item for value, item in valued if value is None]


def in_place(values: Sequence[Value], *, falls: bool, slack: float | None) -> bool:
    """Tell whether values stand in order; with a slack, numbers may be out of it by that part of themselves."""
    furthest: Value = None
    for index, value in enumerate(values):
        if value is None:
            return all(later is None for later in values[index:])
        if furthest is None:
            furthest = value
        elif _passes(value, furthest, falls, slack):
            return False
        else:
            furthest = min(furthest, value) if falls else max(furthest, value)
    return True


def _passes(value: Value, before: Value, falls: bool, slack: float | None) -> bool:
    """Whether a value belongs in front of one that stands before it."""
    lesser, greater = (before, value) if falls else (value, before)
    return bool(greater > lesser if slack is None else greater - lesser > slack * abs(greater))
