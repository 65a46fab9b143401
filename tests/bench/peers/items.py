"""What the chains have in common: the items, the function, and the proof that all of them came through."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Payload = dict[str, Any]


def same(item: Payload) -> Payload:
    """The node: return the item."""
    return item


def payloads(items: int) -> Iterator[Payload]:
    """Make `{"n": 0}` and so on, one when it is asked for."""
    for n in range(items):
        yield {"n": n}


class Sink:
    """Counts what comes out at the end."""

    def __init__(self) -> None:
        self.count = 0

    def take(self, item: Payload) -> None:
        self.count += 1

    def expect(self, items: int) -> None:
        """Raises `RuntimeError` unless exactly `items` came since the last call."""
        if self.count != items:
            raise RuntimeError(f"{self.count} of {items} items came through")
        self.count = 0
