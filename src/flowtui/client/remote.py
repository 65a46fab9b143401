"""`RemoteEngines`: what another process may ask of the engines on a store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flowtui.model.errors import (
    BadInput,
    FlowtuiError,
    IllegalTransition,
    NoAnswer,
    NoEngine,
    NotReplicable,
    NotTriggered,
    UnknownLoop,
)
from flowtui.model.runs import Asked, Run
from flowtui.model.snapshot import Instance
from flowtui.model.states import Command, LoopState
from flowtui.storage.data_store import DataStore

_ANSWER_S = 5.0
#: How often to look whether any engine is left, in seconds.
_LOOK_S = 2.0
_ERRORS: dict[str, type[FlowtuiError]] = {
    error.__name__: error for error in (BadInput, IllegalTransition, NotReplicable, NotTriggered, UnknownLoop)
}


@dataclass(frozen=True, slots=True)
class Answers:
    """What several engines have said to the same request.

    Attributes:
        results: what each has answered that did it.
        errors: why each of the others did not.
        silent: who has not answered in time, and does nothing.
        begun: who has not answered in time, but has begun.
    """

    results: Mapping[Instance, Any]
    errors: Mapping[Instance, FlowtuiError]
    silent: tuple[Instance, ...]
    begun: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Obeyed:
    """A loop that has obeyed a command, and the state that it is in."""

    loop: str
    state: str
    instance: Instance


class RemoteEngines:
    """All engines on a store; for the tasks of one event loop.

    Every coroutine raises `StoreUnavailable` if the store does not answer.
    """

    def __init__(self, store: DataStore, patience_s: float = _ANSWER_S) -> None:
        """`patience_s` is how long an answer may take, in seconds."""
        self._requests = store.requests()
        self._runs = store.runs()
        self._patience_s = patience_s

    async def instances(self) -> tuple[Instance, ...]:
        """Return the engines, the oldest first.

        Raises:
            NoEngine: if there is none.
        """
        instances = await self._requests.instances()
        if not instances:
            raise NoEngine("no engine runs on this store; start one first")
        return instances

    async def ask(
        self, name: str, arguments: Mapping[str, Any], instances: Sequence[Instance] | None = None
    ) -> Answers:
        """Ask these engines, all if None, and wait until each has answered.

        Raises:
            NoEngine: if there is none.
        """
        instances = await self.instances() if instances is None else instances
        replies = await self._requests.ask(name, arguments, [each.id for each in instances], self._patience_s)
        results, errors = {}, {}
        for instance in instances:
            answer = replies.answers.get(instance.id)
            if answer is not None and "error" in answer:
                errors[instance] = _ERRORS.get(answer["error"], FlowtuiError)(answer["message"])
            elif answer is not None:
                results[instance] = answer["result"]
        late = [each for each in instances if each.id not in replies.answers]
        return Answers(
            results,
            errors,
            silent=tuple(each for each in late if each.id not in replies.begun),
            begun=tuple(each for each in late if each.id in replies.begun),
        )

    async def trigger(self, target: str, node: str, values: Any) -> Asked:
        """Have a workflow run once, by the first engine that can; the arguments as of `Triggers.ask`.

        Raises:
            NoEngine: if no engine runs.
            NoAnswer: if an engine that could have begun it has not answered.
            BadInput, NotTriggered, UnknownLoop: what each of them has said.
        """
        refusal: FlowtuiError | None = None
        unanswered: NoAnswer | None = None
        for instance in await self.instances():
            answers = await self.ask("trigger", {"target": target, "node": node, "input": values}, [instance])
            for told in answers.results.values():
                return Asked(told["run"], told["loop"], LoopState(told["state"]))
            unanswered = self._unanswered(answers) or unanswered
            if answers.begun:
                break  # a second one might run it twice
            # That the input is wrong says more than that another engine knows no such loop.
            for error in answers.errors.values():
                refusal = error if refusal is None or isinstance(refusal, UnknownLoop) else refusal
        if unanswered is not None and (refusal is None or isinstance(refusal, UnknownLoop)):
            raise unanswered
        raise refusal or NoEngine("no engine runs on this store; start one first")

    async def follow(self, id: str) -> AsyncIterator[Run]:
        """Yield a run as it is now, again each time that it has changed, and for the last time when it has ended.

        Raises:
            UnknownRun: if nothing is kept of it.
            NoEngine: if no engine is left that could go on with it.
        """
        bell = self._runs.doorbell(id)
        before: Run | None = None
        while True:
            bell.clear()
            run = await self._runs.find(id)
            if run != before:
                yield run
            if run.has_ended:
                return
            before = run
            try:
                async with asyncio.timeout(_LOOK_S):
                    await bell.wait()
            except TimeoutError:
                await self.instances()

    async def command(self, command: Command, loop: str | None) -> tuple[list[Obeyed], NoAnswer | None]:
        """Carry out a command on a loop, or with None on all whose state allows it, wherever they run.

        That one instance does not know the loop, or has it in a state that does not allow the command, counts only if
        it is so with all of them.

        Returns:
            What has obeyed, and the error of those that have not answered in time, if there are any.

        Raises:
            NoEngine: if no engine runs.
            NoAnswer: if none has answered.
            UnknownLoop: if none knows the loop.
            IllegalTransition: if its state, or that of all, does not allow the command.
        """
        answers = await self.ask("command", {"command": command, "loop": loop})
        unanswered = self._unanswered(answers)
        obeyed = [
            Obeyed(id, state, instance) for instance, states in answers.results.items() for id, state in states.items()
        ]
        if obeyed:
            return obeyed, unanswered
        # That some do not know the loop says little as long as others have not answered.
        errors = sorted(answers.errors.values(), key=lambda error: isinstance(error, UnknownLoop))
        if errors and not (unanswered and isinstance(errors[0], UnknownLoop)):
            raise errors[0]
        raise unanswered or IllegalTransition(f"no loop is in a state in which it can {command}")

    def _unanswered(self, answers: Answers) -> NoAnswer | None:
        within = f"not answered within {self._patience_s:g} s"
        parts = []
        if answers.silent:
            parts.append(f"{_have(answers.silent)} {within}: nothing is done there")
        if answers.begun:
            parts.append(f"{_have(answers.begun)} {within}, but begun: look what becomes of it")
        return NoAnswer("; ".join(parts)) if parts else None


def _have(instances: tuple[Instance, ...]) -> str:
    return f"{', '.join(map(str, instances))} {'has' if len(instances) == 1 else 'have'}"
