"""Loop leases: a loop whose producer may run only once belongs to one owner, and others stand by for it.

The lease is that of the owner: it begins with `join` and ends when the owner leaves or is ended, so an owner that has
lost its loop is fenced like any other.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol

from flowtui.model.errors import Fenced
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.records import escape, unescape


@dataclass(frozen=True, slots=True)
class Runs:
    """Who runs a loop that only one owner may run, as somebody learns that wants to run it too.

    Attributes:
        who: `host:pid` of the instance.
        owner: its track; empty if that has gone.
        completed: how often the loop has been completed so far.
        is_over: the loop has been completed since this was first asked, so nothing is left to take over.
    """

    who: str
    owner: str = ""
    completed: int = 0
    is_over: bool = False


def _runs(reply: list[Any]) -> Runs:
    if reply[0] == b"COMPLETED":
        return Runs(_who(reply[1].decode()), is_over=True)
    owner, instance = reply[1].decode(), reply[2].decode()
    return Runs(_who(instance), owner, int(reply[3]))


def _who(name: str) -> str:
    """Return the `host:pid` with which the names of owners and instances begin."""
    host, _, rest = name.partition(":")
    return f"{unescape(host)}:{rest.partition(':')[0]}"


class _Keeper(Protocol):
    """What is needed of the keeper of this process's leases."""

    lease_ms: int
    instance: str

    def add(self, owner: str, on_lost: Callable[[], None]) -> None: ...

    def discard(self, owner: str) -> None: ...

    def lost(self, owner: str) -> Fenced: ...

    def stand_by(self, owner: str, awaited: str) -> None: ...


class LoopLeases:
    """How an owner gets a loop that only one may run; belongs to a `QueueStore`, and raises what that does."""

    def __init__(self, run: Callable[..., Awaitable[Any]], keeper: _Keeper, bells: Doorbells) -> None:
        self._run = run
        self._keeper = keeper
        self._bells = bells

    async def take(self, owner: str, loop: str, seen: Runs | None, on_lost: Callable[[], None]) -> Runs | None:
        """Give the owner its lease, and with it the loop, unless another owner has that.

        An owner without its lease stands by until it gets it or leaves; `bell` is set when it is worth asking again.

        Args:
            seen: what the first of these answers was, None at the first time.
            on_lost: called on some thread if the lease turns out to be over before the owner has noticed.

        Returns:
            None if the owner has the loop, else who runs it.

        Raises:
            Fenced: if the owner has had its lease and has ended or left: it must take a new name.
        """
        keeper, completed = self._keeper, "" if seen is None else seen.completed
        reply = await self._run("take_loop", owner, keeper.lease_ms, keeper.instance, escape(loop), completed)
        if reply[0] == b"OK":
            keeper.discard(owner)
            keeper.add(owner, on_lost)
            return None
        if reply[0] == b"FENCED":
            raise keeper.lost(owner)
        other = _runs(reply)
        if other.owner:
            keeper.stand_by(owner, other.owner)
        return other

    def bell(self, loop: str) -> asyncio.Event:
        """Return the event that is set when a loop may be free; always the same one.

        Clear it, ask with `take`, and wait for it only if somebody else runs the loop.
        """
        return self._bells.bell(f"loop:{escape(loop)}", "")


class Standbys:
    """Who in this process stands by for whom; every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._awaited: dict[str, str] = {}

    def add(self, owner: str, awaited: str) -> None:
        """Take note that `owner` waits for the end of `awaited`."""
        with self._lock:
            self._awaited[owner] = awaited

    def discard(self, owner: str) -> None:
        """It waits no longer."""
        with self._lock:
            self._awaited.pop(owner, None)

    def awaited(self) -> list[str]:
        """Return owners that somebody waits for, one of each process: all of a process live or are gone together."""
        with self._lock:
            return list({owner.rsplit(":", 3)[0]: owner for owner in self._awaited.values()}.values())
