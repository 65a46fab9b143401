"""What processes on a store ask of the engines on it, and the answers: a list for each engine, and a bell."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from flowtui.model.snapshot import Instance
from flowtui.storage.calls import StoreCalls
from flowtui.storage.instances import oldest_first

#: Seconds for which an answer waits for whoever asked.
_ANSWER_KEPT_S = 60
#: Seconds on top of the patience of whoever asked for which a request counts, should nobody withdraw it.
_SPARE_S = 1.0


@dataclass(frozen=True, slots=True)
class Request:
    """Something asked of an engine: what, by a name that both know, and its arguments, which are JSON."""

    id: str
    name: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Replies:
    """What has come of a request, by engine.

    Attributes:
        answers: as each engine gave it to `answer`.
        begun: engines that have begun it and not answered yet; whether they will is not known.
    """

    answers: Mapping[str, Any]
    begun: frozenset[str]


class RequestList:
    """Asks other engines, and takes what this one is asked; for the tasks of one event loop.

    A request is begun once at most, and never when nobody waits for its answer any more. Every coroutine raises
    `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls, instance: str) -> None:
        """`instance` is the name of the engine that this is, if it becomes one."""
        self._client = calls.client
        self._namespace = calls.namespace
        self._bells = calls.bells
        self._run = calls.run
        self._answer = calls.answer
        self._instance = instance

    async def instances(self) -> tuple[Instance, ...]:
        """Return the engines on the store, the oldest first."""
        return oldest_first(await self._answer(self._client.hvals(f"{self._namespace}:instances")))

    async def ask(
        self, name: str, arguments: Mapping[str, Any], instances: Iterable[str], patience_s: float
    ) -> Replies:
        """Ask engines, by their ids, and wait for their answers, for so many seconds at most.

        An engine that lives no more, or had not begun by then, is not among the replies: there nothing is done.
        """
        id = uuid4().hex
        request = json.dumps({"id": id, "name": name, "arguments": arguments})
        deadline = time.monotonic() + patience_s
        reached = await self._run("ask", round((patience_s + _SPARE_S) * 1000), request, *instances)
        for instance in reached:
            self._bells.ring(_bell(instance.decode()))
        answers: dict[str, Any] = {}
        key = f"{self._namespace}:answers:{id}"
        while len(answers) < len(reached) and (left := deadline - time.monotonic()) > 0:
            # Servers know no shorter wait than a hundredth.
            found = await self._answer(self._client.blpop([key], math.ceil(left * 100) / 100))
            if found is not None:
                instance, answer = json.loads(found[1])
                answers[instance] = answer
        silent = {each.decode() for each in reached} - answers.keys()
        withdrawn = await self._run("withdraw", request, *silent) if silent else []
        return Replies(answers, frozenset(silent.difference(map(bytes.decode, withdrawn))))

    def doorbell(self) -> asyncio.Event:
        """Return the event that is set when something may have been asked; clear it, `take`, and then wait for it."""
        return self._bells.bell(_bell(self._instance), "")

    async def take(self) -> list[Request]:
        """Return what this engine has been asked since the last time, oldest first."""
        return [Request(**json.loads(text)) for text in await self._run("take_requests", self._instance)]

    async def answer(self, request: Request, answer: Any) -> None:
        """Give whoever asked an answer, which must be JSON."""
        text = json.dumps([self._instance, answer])
        await self._run("answer", request.id, _ANSWER_KEPT_S * 1000, text)


def _bell(instance: str) -> str:
    return f"requests:{instance}"
