"""Leases: the names of owners, and the thread that keeps this process's owners alive and ends dead ones."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

import psutil
import redis

from flowtui.model.errors import Fenced
from flowtui.model.queued import Owner
from flowtui.model.snapshot import Instance
from flowtui.storage.connection import STORE_ERRORS, Connector, translate
from flowtui.storage.health import Health
from flowtui.storage.instances import oldest_first
from flowtui.storage.loop_lease import Standbys
from flowtui.storage.records import escape, unescape
from flowtui.storage.scripts import script

LEASE_S = 15.0

#: Most items that one call of the reaper moves, so that it never holds up the others for long.
REAP_LIMIT = 1000

_BEATS_PER_LEASE = 5
_RETRY_S = 0.5
#: How often those that somebody waits for are looked at, in seconds.
_STANDBY_LOOK_S = 1.0

# A process's start is computed from the uptime, with an error below this.
_START_TOLERANCE_MS = 2000


def process_name() -> str:
    """Return a new name that tells host, process and when that began; no two calls return the same."""
    pid = os.getpid()
    return f"{escape(socket.gethostname())}:{pid}:{_started_ms(pid)}:{os.urandom(5).hex()}"


def owner_name(loop: str, track: int) -> str:
    """Return a new name for the owner of one track of this process; no two calls return the same."""
    return f"{process_name()}:{escape(loop)}:{track}"


def owner_of(name: str) -> Owner:
    """Return what the name of an owner tells."""
    try:
        host, pid, _, _, loop, track = name.split(":")
        return Owner(unescape(loop), int(track), unescape(host), int(pid))
    except ValueError:
        return Owner(name)


def lives(owner: str, *, private: bool) -> bool:
    """Return False if the process that made this name, of an owner or an instance, is certainly gone.

    Args:
        private: the store belongs to this machine, so an owner with another host name is from before it was renamed.
    """
    try:
        host, pid, started_ms = owner.split(":", 3)[:3]
        if host != escape(socket.gethostname()) and not private:
            return True
        return abs(_started_ms(int(pid)) - int(started_ms)) <= _START_TOLERANCE_MS
    except ValueError:
        return True
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _started_ms(pid: int) -> int:
    process = psutil.Process(pid)
    if process.status() == psutil.STATUS_ZOMBIE:
        raise psutil.ZombieProcess(pid)
    return round(float(process.create_time()) * 1000)


class Reaper:
    """Gives the items of dead owners back to their queues, in order, each with one more try."""

    def __init__(self, client: redis.Redis, namespace: str, ring: Callable[[str], None]) -> None:
        self._client = client
        self._namespace = namespace
        self._ring = ring
        self._script = client.register_script(script("reap"))

    def end(self, owners: Iterable[str] = (), *, expired: bool = False) -> None:
        """End these owners, and with `expired` all whose lease is over.

        Raises:
            redis.RedisError, OSError: if the store does not answer.
        """
        named = tuple(owners)
        while True:
            left, *queues = self._call(named, expired)
            for queue in queues:
                self._ring(queue.decode())
            if not left:
                return

    def end_dead_processes(self, *, private: bool) -> None:
        """End the owners of processes of this machine that no longer live, whatever their leases say."""
        owners: Any = self._client.zrange(f"{self._namespace}:owners", 0, -1)
        self.end(name for name in map(bytes.decode, owners) if not lives(name, private=private))

    def _call(self, owners: tuple[str, ...], expired: bool) -> list[Any]:
        reply: list[Any] = self._script(keys=[self._namespace], args=[REAP_LIMIT, int(expired), *owners])
        return reply


class Keeper:
    """A thread that renews the leases of this process's owners and ends those of others that are over.

    A thread with a connection of its own, so that a node that blocks an event loop does not cost that loop its lease.

    Attributes:
        instance: the name of the engine whose owners these are; that of a child process is its parent's.
        instances: the engines on the store at the last beat, if this is one of them.
        standbys: who waits for owners of other processes; the sooner it is found that one has died, the better.
    """

    def __init__(
        self,
        connector: Connector,
        namespace: str,
        *,
        lease_s: float,
        health: Health,
        ring: Callable[[str], None],
        recovered: Callable[[], None],
        instance: str = "",
    ) -> None:
        """`recovered` is called when the store answers again after it did not."""
        self.lease_ms = round(lease_s * 1000)
        self.instance = instance or process_name()
        self.instances: tuple[Instance, ...] = ()
        self.standbys = Standbys()
        self._connector = connector
        self._namespace = namespace
        self._beat_s = lease_s / _BEATS_PER_LEASE
        self._lease_s = lease_s
        self._health = health
        self._recovered = recovered
        # An answer that comes later than the next beat is no answer.
        self._client = connector.client(max(self._beat_s, 1.0))
        self._script = self._client.register_script(script("beat"))
        self._reaper = Reaper(self._client, namespace, ring)
        self._lock = threading.Lock()
        self._owners: dict[str, Callable[[], None] | None] = {}
        self._introduction = ""
        self._ending = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowtui-leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def enlist(self, introduction: str) -> None:
        """Show this engine to the others from now on, very soon."""
        self._introduction = introduction
        self._wake.set()

    def add(self, owner: str, on_lost: Callable[[], None] | None = None) -> None:
        """Renew this owner's lease from now on; if it turns out to be over, call `on_lost`, on the keeper's thread."""
        with self._lock:
            self._owners[owner] = on_lost

    def discard(self, owner: str) -> None:
        """No longer renew it, nor look after whom it stands by for."""
        self.standbys.discard(owner)
        with self._lock:
            self._owners.pop(owner, None)

    def lost(self, owner: str) -> Fenced:
        """No longer renew it, as the store says that its lease has ended; return the error that tells so."""
        self.discard(owner)
        return Fenced(f"the lease of {owner} has ended: its items went back to their queue")

    def stand_by(self, owner: str, awaited: str) -> None:
        """Look often whether `awaited`, which `owner` waits for, has died."""
        if not self.standbys.awaited():
            self._wake.set()
        self.standbys.add(owner, awaited)

    def end(self, owner: str) -> None:
        """No longer renew it, and end it now if the store answers; from any thread."""
        self.discard(owner)
        with contextlib.suppress(*STORE_ERRORS):
            self._reaper.end([owner])

    def end_dead_processes(self, *, private: bool) -> None:
        """End the owners of processes of this machine that are gone, if the store answers; from any thread."""
        with contextlib.suppress(*STORE_ERRORS):
            self._reaper.end_dead_processes(private=private)

    def close(self) -> None:
        """End the thread and the owners that have not left."""
        self._ending.set()
        self._wake.set()
        self._thread.join()
        enlisted = [self.instance] if self._introduction else []
        try:
            self._reaper.end([*self._owners, *enlisted])
        except STORE_ERRORS:
            pass  # their leases run out
        finally:
            self._client.close()

    def _work(self) -> None:
        # Leases may be over only because the store, the network or this machine stood still: whoever comes back
        # first must leave the others the time to come back too.
        reap_from = time.monotonic() + self._lease_s
        well = True
        last = time.time()
        while not self._has_waited(well):
            slept = time.time() - last > self._lease_s
            try:
                self.beat()
                if slept or not well:
                    reap_from = time.monotonic() + self._lease_s
                if time.monotonic() >= reap_from:
                    self._reaper.end(expired=True)
                if not all(lives(owner, private=False) for owner in self.standbys.awaited()):
                    self._reaper.end_dead_processes(private=False)
            except STORE_ERRORS as error:
                self._health.failed(str(translate(error, self._connector.address)))
                well = False
            else:
                self._health.answered()
                if slept or not well:
                    # Owners may have been ended meanwhile, and then no push would wake them.
                    self._recovered()
                well = True
            last = time.time()

    def _has_waited(self, well: bool) -> bool:
        """Wait until it is time for the next beat; return whether it is time to end."""
        longest = self._beat_s
        if not well:
            longest = min(_RETRY_S, longest)
        elif self.standbys.awaited():
            longest = min(_STANDBY_LOOK_S, longest)
        self._wake.wait(longest)
        self._wake.clear()
        return self._ending.is_set()

    def beat(self) -> None:
        """Renew the leases once; the thread does it all the time.

        Raises:
            redis.RedisError, OSError: if the store does not answer.
        """
        with self._lock:
            owners = tuple(self._owners)
        instance = self.instance if self._introduction else ""
        lost, instances = self._script(
            keys=[self._namespace], args=[self.lease_ms, instance, self._introduction, *owners]
        )
        self.instances = oldest_first(instances)
        for owner in map(bytes.decode, lost):
            with self._lock:
                on_lost = self._owners.pop(owner, None)
            if on_lost is not None:
                on_lost()
