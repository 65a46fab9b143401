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

from flowtui.storage.connection import STORE_ERRORS, Connector, translate
from flowtui.storage.health import Health
from flowtui.storage.records import escape
from flowtui.storage.scripts import script

LEASE_S = 15.0

#: Most items that one call of the reaper moves, so that it never holds up the others for long.
REAP_LIMIT = 1000

_BEATS_PER_LEASE = 5
_RETRY_S = 0.5

# A process's start is computed from the uptime, with an error below this.
_START_TOLERANCE_MS = 2000


def owner_name(loop: str, track: int) -> str:
    """Return a new name for the owner of one track of this process; no two calls return the same."""
    pid = os.getpid()
    host = escape(socket.gethostname())
    return f"{host}:{pid}:{_started_ms(pid)}:{os.urandom(5).hex()}:{escape(loop)}:{track}"


def lives(owner: str, *, private: bool) -> bool:
    """Return False if the process that made this owner's name is certainly gone.

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
    ) -> None:
        """`recovered` is called when the store answers again after it did not."""
        self.lease_ms = round(lease_s * 1000)
        self._connector = connector
        self._namespace = namespace
        self._beat_s = lease_s / _BEATS_PER_LEASE
        self._lease_s = lease_s
        self._health = health
        self._recovered = recovered
        # An answer that comes later than the next beat is no answer.
        self._client = connector.client(max(self._beat_s, 1.0))
        self._beat = self._client.register_script(script("beat"))
        self._reaper = Reaper(self._client, namespace, ring)
        self._lock = threading.Lock()
        self._owners: set[str] = set()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowtui-leases", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, owner: str) -> None:
        """Renew this owner's lease from now on."""
        with self._lock:
            self._owners.add(owner)

    def discard(self, owner: str) -> None:
        """No longer renew it."""
        with self._lock:
            self._owners.discard(owner)

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
        self._thread.join()
        try:
            self._reaper.end(self._owners)
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
        while not self._ending.wait(self._beat_s if well else min(_RETRY_S, self._beat_s)):
            slept = time.time() - last > self._lease_s
            try:
                self._renew()
                if slept or not well:
                    reap_from = time.monotonic() + self._lease_s
                if time.monotonic() >= reap_from:
                    self._reaper.end(expired=True)
            except STORE_ERRORS as error:
                self._health.failed(str(translate(error, self._connector.address)))
                well = False
            else:
                self._health.answered()
                if not well:
                    self._recovered()
                well = True
            last = time.time()

    def _renew(self) -> None:
        with self._lock:
            owners = tuple(self._owners)
        self._beat(keys=[self._namespace], args=[self.lease_ms, *owners])
