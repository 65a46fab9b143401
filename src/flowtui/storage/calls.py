"""`StoreCalls`: how the tasks of one event loop ask a store, and what the rest of the process hears of it."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Iterable
from typing import Any

from flowtui.storage.connection import STORE_ERRORS, Connector, translate
from flowtui.storage.doorbell import Doorbells
from flowtui.storage.health import Health

# Scripts that always write: a server that is read-only or full still answers the others, and is not well for that.
_PROOFS = frozenset({"join", "commit", "give_back", "leave", "inject", "answer"})


class StoreCalls:
    """Runs the scripts and commands of one event loop; all that it uses of the store may share it.

    Both ways to ask raise `StoreUnavailable` if the store does not answer now and `StoreError` if it refuses, and the
    process is told of that trouble.

    Attributes:
        client: makes commands for `answer`.
        namespace: what all keys begin with.
        bells: of this process.
    """

    def __init__(self, connector: Connector, namespace: str, bells: Doorbells, health: Health) -> None:
        self.client = connector.async_client()
        self.namespace = namespace
        self.bells = bells
        self._line = connector.line()
        self._address = connector.address
        self._health = health

    def within(self, namespace: str) -> StoreCalls:
        """Return what asks the same store, over the same connections, under another namespace."""
        other = copy.copy(self)
        other.namespace = namespace
        return other

    async def run(self, name: str, *arguments: Any, ring: Iterable[str] = ()) -> Any:
        """Run a script and return its reply; `ring` are the bells in this process of queues that it may change."""
        # Already now: whoever fetches on this event loop is answered right after this call.
        for queue in ring:
            self.bells.ring(queue)
        try:
            reply = await self._line.call(name, self.namespace, arguments)
        except STORE_ERRORS as error:
            raise self._trouble(error) from error
        finally:
            # Also after an error: the call may have been done. And for readers on other event loops.
            for queue in ring:
                self.bells.ring(queue)
        if name in _PROOFS:
            self._health.answered()
        return reply

    async def answer(self, command: Awaitable[Any]) -> Any:
        """Return the reply to a command of `client`."""
        try:
            return await command
        except STORE_ERRORS as error:
            raise self._trouble(error) from error

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()
        await self.client.aclose()

    def _trouble(self, error: Exception) -> Exception:
        meaning = translate(error, self._address)
        self._health.failed(str(meaning))
        return meaning
