"""Structural difference of two JSON values: what was added, removed, changed or moved within a list, and where."""

from __future__ import annotations

import json
from bisect import bisect_left
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flowtui.model.forms import KeyPath

#: Keys by which two objects in a list are the same thing, if each list holds every value of it once.
_NAMES = ("id", "key", "name")


class ChangeKind(StrEnum):
    """What became of a value."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference.

    Attributes:
        path: keys and list places from the top, as they are in the new value; of a removed one the last is the old.
        old, new: the values; both are the same if it moved, and what is not there is None.
        was: of a moved value, its place in the old list; else -1.
    """

    kind: ChangeKind
    path: KeyPath
    old: Any = None
    new: Any = None
    was: int = -1


def differences(old: Any, new: Any) -> tuple[Change, ...]:
    """Return what leads from one JSON value to another, in the order of the new value.

    Numbers are equal if their values are, so 1 and 1.0 are; true is no number. An element of a list that only stands
    further down because others were put before it has not moved. Objects in lists that changed are recognised by
    their `id`, `key` or `name`, else by their place.
    """
    return tuple(_differences(old, new, ()))


def same(old: Any, new: Any) -> bool:
    """Return whether two JSON values do not differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return old.keys() == new.keys() and all(same(value, new[key]) for key, value in old.items())
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        return len(old) == len(new) and all(map(same, old, new))
    return bool(old == new) and isinstance(old, bool) == isinstance(new, bool)


def count_leaves(value: Any) -> int:
    """Return how many values there are in a JSON value: scalars, and objects and lists that are empty."""
    if isinstance(value, Mapping) and value:
        return sum(count_leaves(each) for each in value.values())
    if isinstance(value, list | tuple) and value:
        return sum(count_leaves(each) for each in value)
    return 1


def shown_path(path: KeyPath) -> str:
    """Return a path as a person reads it: `lines[2].price`, `.` for the whole value."""
    text = ""
    for key in path:
        if isinstance(key, int):
            text += f"[{key}]"
        elif key and not any(sign in key for sign in '.[]" '):
            text += f".{key}" if text else key
        else:
            text += f"[{json.dumps(key, ensure_ascii=False)}]"
    return text or "."


def _differences(old: Any, new: Any, path: KeyPath) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in old:
            if key not in new:
                yield Change(ChangeKind.REMOVED, (*path, key), old=old[key])
        for key, value in new.items():
            if key in old:
                yield from _differences(old[key], value, (*path, key))
            else:
                yield Change(ChangeKind.ADDED, (*path, key), new=value)
    elif isinstance(old, list | tuple) and isinstance(new, list | tuple):
        yield from _in_lists(old, new, path)
    elif _identity(old) != _identity(new):
        yield Change(ChangeKind.CHANGED, path, old, new)


def _in_lists(old: Sequence[Any], new: Sequence[Any], path: KeyPath) -> Iterator[Change]:
    pairs = _equal_pairs(old, new)
    kept = _longest_rise(pairs)
    moved = {there: here for here, there in pairs.items() if here not in kept}
    settled = {there: here for here, there in pairs.items()}
    rest_old = [here for here in range(len(old)) if here not in pairs]
    rest_new = [there for there in range(len(new)) if there not in settled]
    changed = _alike(old, new, rest_old, rest_new)
    gone = {*rest_old} - {*changed.values()}
    for here in rest_old:
        if here in gone:
            yield Change(ChangeKind.REMOVED, (*path, here), old=old[here])
    for there, value in enumerate(new):
        if there in moved:
            yield Change(ChangeKind.MOVED, (*path, there), value, value, moved[there])
        elif there in changed:
            yield from _differences(old[changed[there]], value, (*path, there))
        elif there not in settled:
            yield Change(ChangeKind.ADDED, (*path, there), new=value)


def _equal_pairs(old: Sequence[Any], new: Sequence[Any]) -> dict[int, int]:
    """Return the places of equal elements, old to new: what stands at both ends first, then each in its order."""
    before, after = [_identity(each) for each in old], [_identity(each) for each in new]
    start, shorter = 0, min(len(before), len(after))
    while start < shorter and before[start] == after[start]:
        start += 1
    end = 0
    while end < shorter - start and before[-1 - end] == after[-1 - end]:
        end += 1
    pairs = {place: place for place in range(start)}
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for there in range(start, len(after) - end):
        waiting[after[there]].append(there)
    for here in range(start, len(before) - end):
        if places := waiting.get(before[here]):
            pairs[here] = places.popleft()
    return pairs | {len(before) - 1 - place: len(after) - 1 - place for place in range(end)}


def _longest_rise(pairs: Mapping[int, int]) -> set[int]:
    """Return the old places of the most elements that stand in the same order in both lists."""
    tails: list[int] = []  # the least new place that ends a rise of each length
    ends: list[int] = []  # and the old place of it
    before: dict[int, int | None] = {}
    for here in sorted(pairs):
        at = bisect_left(tails, pairs[here])
        before[here] = ends[at - 1] if at else None
        tails[at : at + 1] = [pairs[here]]
        ends[at : at + 1] = [here]
    kept: set[int] = set()
    place = ends[-1] if ends else None
    while place is not None:
        kept.add(place)
        place = before[place]
    return kept


def _alike(old: Sequence[Any], new: Sequence[Any], here: Iterable[int], there: Iterable[int]) -> dict[int, int]:
    """Return which of these elements are the same thing that has changed, new place to old place."""
    found: dict[int, int] = {}
    olds, news = list(here), list(there)
    for name in _NAMES:
        named_old, named_new = _named(old, olds, name), _named(new, news, name)
        for value in named_old.keys() & named_new.keys():
            found[named_new[value]] = named_old[value]
        if found:
            break
    free = ({*olds} - {*found.values()}) & ({*news} - found.keys())
    return found | {place: place for place in free}


def _named(values: Sequence[Any], places: Iterable[int], name: str) -> dict[str, int]:
    """Return the places of objects by what they have under a key, if each has another value there."""
    found: dict[str, int] = {}
    for place in places:
        value = values[place]
        if isinstance(value, Mapping) and isinstance(value.get(name), str | int):
            if (is_named := _identity(value[name])) in found:
                return {}
            found[is_named] = place
    return found


def _identity(value: Any) -> str:
    """Return a text that is the same for JSON values that do not differ."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{json.dumps(key)}:{_identity(each)}" for key, each in value.items())) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_identity, value)) + "]"
    return json.dumps(value, default=repr)
