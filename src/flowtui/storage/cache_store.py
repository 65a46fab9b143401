"""`CacheStore`: values that may be gone at any time, as the tasks of one event loop see them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

import redis.asyncio

from flowtui.model.errors import StoreUnavailable
from flowtui.storage.connection import STORE_ERRORS, translate
from flowtui.storage.records import escape

#: Seconds that a call may wait for the store: what is kept here can be had elsewhere.
CACHE_TIMEOUT_S = 1.0
#: Seconds during which a store that did not answer is not asked again.
REST_S = 5.0


class CacheStore:
    """Keeps values for some time; all tasks of one event loop may share it.

    Every coroutine raises `StoreUnavailable` if the store does not answer soon, and at once for `REST_S` seconds after
    that; `StoreError` if it refuses the command.
    """

    def __init__(
        self, client: redis.asyncio.Redis, address: str, namespace: str, patience: float = CACHE_TIMEOUT_S
    ) -> None:
        """`patience`: seconds that a call may wait; `client` should not wait longer for an answer."""
        self._client = client
        self._address = address
        self._namespace = namespace
        self._patience = patience
        self._calls: set[asyncio.Future[Any]] = set()
        self._clock = asyncio.get_running_loop().time
        self._rests_until = 0.0
        self._trouble = ""

    async def get(self, key: str) -> bytes | None:
        """Return what is kept under `key`, None if there is nothing."""
        self._check()
        value: bytes | None = await self._answer(self._client.get(self._name(key)))
        return value

    async def put(self, key: str, value: bytes, ttl: float) -> None:
        """Keep `value` under `key` for `ttl` seconds, in place of what is there."""
        self._check()
        await self._answer(self._client.set(self._name(key), value, px=max(1, round(ttl * 1000))))

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    def _name(self, key: str) -> str:
        return f"{self._namespace}:cache:{escape(key)}"

    def _check(self) -> None:
        if self._clock() < self._rests_until:
            raise StoreUnavailable(self._trouble)

    async def _answer(self, command: Awaitable[Any]) -> Any:
        # In a task of its own: the client library swallows a cancellation that comes while it connects.
        call = asyncio.ensure_future(command)
        self._calls.add(call)
        call.add_done_callback(self._ended)
        try:
            await asyncio.wait([call], timeout=self._patience)
            if not call.done():
                raise TimeoutError(f"no answer within {self._patience:g} s")
            return call.result()
        except STORE_ERRORS as error:
            meaning = translate(error, self._address)
            if isinstance(meaning, StoreUnavailable):
                self._trouble = str(meaning)
                self._rests_until = self._clock() + REST_S
            raise meaning from error
        finally:
            call.cancel()

    def _ended(self, call: asyncio.Future[Any]) -> None:
        self._calls.discard(call)
        if not call.cancelled():
            call.exception()  # who has left it does not want to know
