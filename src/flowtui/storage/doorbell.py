"""Waking readers: who waits for which queue in this process, and the thread that hears of pushes by others."""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading

import redis

from flowtui.storage.connection import STORE_ERRORS, Connector

_RETRY_S = 0.5
_LISTEN_S = 5.0


class Doorbells:
    """The events that readers of this process wait on; every method may be called from any thread."""

    def __init__(self) -> None:
        self.id = os.urandom(6).hex()  # tells the store whom its process wakes by itself
        self._lock = threading.Lock()
        self._bells: dict[str, dict[tuple[asyncio.AbstractEventLoop, str], asyncio.Event]] = {}

    def bell(self, queue: str, group: str) -> asyncio.Event:
        """Return the event of a group in the running event loop, the same one each time."""
        key = (asyncio.get_running_loop(), group)
        with self._lock:
            return self._bells.setdefault(queue, {}).setdefault(key, asyncio.Event())

    def ring(self, queue: str) -> None:
        """Wake the readers of one queue."""
        with self._lock:
            bells = list(self._bells.get(queue, {}).items())
        for (loop, _), event in bells:
            # One that is set already will be looked at: readers clear it before they fetch.
            if not event.is_set():
                # A loop that has been closed has nobody to wake.
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(event.set)

    def ring_all(self) -> None:
        """Wake every reader, as nobody knows what was missed."""
        with self._lock:
            queues = list(self._bells)
        for queue in queues:
            self.ring(queue)

    def forget(self, loop: asyncio.AbstractEventLoop) -> None:
        """Drop the events of one event loop."""
        with self._lock:
            for queue in list(self._bells):
                left = {key: event for key, event in self._bells[queue].items() if key[0] is not loop}
                if left:
                    self._bells[queue] = left
                else:
                    del self._bells[queue]


class Listener:
    """A thread with one subscription, which rings the doorbells for what other processes push."""

    def __init__(self, connector: Connector, namespace: str, bells: Doorbells) -> None:
        self._connector = connector
        self._channel = f"{namespace}:bell"
        self._bells = bells
        self._ending = threading.Event()
        self._stale = threading.Event()
        self._thread = threading.Thread(target=self._work, name="flowtui-doorbell", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def reconnect(self) -> None:
        """Have the subscription made anew: its connection may be dead without knowing."""
        self._stale.set()

    def close(self) -> None:
        """End the thread; a message on the channel makes that immediate."""
        self._ending.set()
        client = self._connector.client()
        with contextlib.suppress(*STORE_ERRORS), client:
            client.publish(self._channel, "")
        self._thread.join()

    def _work(self) -> None:
        while not self._ending.is_set():
            client = self._connector.client()
            try:
                with client, client.pubsub() as subscription:  # type: ignore[no-untyped-call]
                    self._listen(subscription)
            except STORE_ERRORS:
                self._ending.wait(_RETRY_S)

    def _listen(self, subscription: redis.client.PubSub) -> None:
        self._stale.clear()
        subscription.subscribe(self._channel)
        while not (self._ending.is_set() or self._stale.is_set()):
            message = subscription.get_message(timeout=_LISTEN_S)
            if message is None:
                continue
            if message["type"] == "subscribe":
                self._bells.ring_all()
            elif message["type"] == "message":
                self._bells.ring(message["data"].decode())
