"""Redis clients to the memory of this process; apart, since loading it takes long and few processes need it."""

from __future__ import annotations

import fakeredis
import redis.asyncio

from flowtui.storage.connection import ANSWER_TIMEOUT_S, Connector

# Calls that may be under way at once; they do not wait for each other as those to a server do.
_MOST_CALLS = 100_000


class MemoryConnector(Connector):
    """A store in the memory of this process; it ends with the process."""

    def __init__(self) -> None:
        self.address = "in memory"
        self._server = fakeredis.FakeServer(version=(7,))

    def async_client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.asyncio.Redis:
        return fakeredis.FakeAsyncRedis(server=self._server, protocol=2, max_connections=_MOST_CALLS)

    def client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.Redis:
        return fakeredis.FakeRedis(server=self._server, protocol=2)
