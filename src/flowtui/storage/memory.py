"""Redis clients to the memory of this process; apart, since loading it takes long and few processes need it."""

from __future__ import annotations

import fakeredis
import redis.asyncio

from flowtui.storage.connection import ANSWER_TIMEOUT_S, Connector


class MemoryConnector(Connector):
    """A store in the memory of this process; it ends with the process."""

    def __init__(self) -> None:
        self.address = "in memory"
        self._server = fakeredis.FakeServer(version=(7,))

    def async_client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.asyncio.Redis:
        return fakeredis.FakeAsyncRedis(server=self._server, protocol=2)

    def client(self, answer_timeout_s: float = ANSWER_TIMEOUT_S) -> redis.Redis:
        return fakeredis.FakeRedis(server=self._server, protocol=2)
