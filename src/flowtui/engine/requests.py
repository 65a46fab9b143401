"""What other processes may ask of an engine through its store: every request has its handler here.

A request goes to one engine or to several; it says nothing of the others. So a command for a loop that several engines
know is sent to each of them, and each carries it out on its own tracks.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.commands import Commands
from flowtui.engine.triggers import Triggers
from flowtui.model.errors import FlowtuiError, StoreError
from flowtui.model.states import Command
from flowtui.storage.data_store import DataStore
from flowtui.storage.request_list import Request, RequestList

_RETRY_S = 1.0
_log = logging.getLogger("flowtui.requests")

#: Takes the arguments of a request, and returns its answer; both are JSON. What it raises is the answer too.
Handler = Callable[[Mapping[str, Any]], Awaitable[Any]]


def handlers(commands: Commands, triggers: Triggers) -> dict[str, Handler]:
    """Return the handlers of all requests, by name."""

    async def command(arguments: Mapping[str, Any]) -> Any:
        """`command`, and `loop`, None for all of them: the state of each loop that has obeyed."""
        wanted, loop = Command(arguments["command"]), arguments["loop"]
        obeyed = commands.all(wanted) if loop is None else [commands.one(wanted, loop)]
        return {each.plan.loop: each.lifecycle.state for each in obeyed}

    async def trigger(arguments: Mapping[str, Any]) -> Any:
        """`target`, a workflow or loop, `node`, empty if it has one trigger, and `input`: which run it is."""
        asked = await triggers.ask(arguments["target"], arguments["node"], arguments["input"])
        return {"run": asked.run, "loop": asked.loop, "state": asked.state}

    return {"command": command, "trigger": trigger}


class Requests:
    """Answers what this engine is asked; belongs to the engine's control thread."""

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        self._handlers = handlers
        self._answering: set[asyncio.Task[None]] = set()

    async def serve(self, store: DataStore) -> None:
        """Answer until cancelled. Requests are begun in their order, and one that takes long holds up no other."""
        inbox = store.requests()
        bell = inbox.doorbell()
        try:
            while True:
                bell.clear()
                try:
                    requests = await inbox.take()
                except StoreError:
                    await asyncio.sleep(_RETRY_S)  # that the store is away is told elsewhere
                    continue
                for request in requests:
                    task = asyncio.create_task(self._answer(inbox, request))
                    self._answering.add(task)
                    task.add_done_callback(self._answering.discard)
                if is_cancelled():  # the Redis client has swallowed it
                    return
                await bell.wait()
        finally:
            for task in self._answering:
                task.cancel()

    async def _answer(self, inbox: RequestList, request: Request) -> None:
        answer = await self._do(request)
        try:
            await inbox.answer(request, answer)
        except StoreError as error:
            _log.warning("the answer to %s was not delivered: %s", request.name, error)

    async def _do(self, request: Request) -> dict[str, Any]:
        handler = self._handlers.get(request.name)
        if handler is None:
            return _failed(FlowtuiError(f"this engine's version of flowtui knows no request {request.name!r}"))
        try:
            return {"result": await handler(request.arguments)}
        except FlowtuiError as error:
            return _failed(error)
        except Exception as error:
            _log.exception("the request %s failed; please report this", request.name)
            return _failed(error)


def _failed(error: Exception) -> dict[str, Any]:
    return {"error": type(error).__name__, "message": str(error)}
