"""How an engine answers what it is asked by other processes, also when things go wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from flowtui.client.remote import RemoteEngines
from flowtui.engine.requests import Handler, Requests
from flowtui.model.errors import FlowtuiError, NoAnswer, NoEngine, StoreUnavailable, UnknownLoop
from flowtui.model.states import Command
from flowtui.storage.data_store import DataStore
from flowtui.storage.opening import open_store

Serve = Callable[[Mapping[str, Handler]], None]


@pytest.fixture
async def memory() -> AsyncIterator[DataStore]:
    store = open_store("memory", state_dir=Path(), namespace="t", url=None)
    with contextlib.closing(store):
        yield store
        await store.release()


@pytest.fixture
async def serve(memory: DataStore) -> AsyncIterator[Serve]:
    """Serve these requests until the end of the test."""
    serving: list[asyncio.Task[None]] = []
    memory.enlist(Path("flows"))
    while not memory.instances:
        await asyncio.sleep(0.005)

    def start(handlers: Mapping[str, Handler]) -> None:
        serving.append(asyncio.create_task(Requests(handlers).serve(memory)))

    yield start
    for task in serving:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_request_that_takes_long_holds_up_no_other(memory, serve) -> None:
    may_end = asyncio.Event()

    async def slow(_: Mapping[str, Any]) -> str:
        await may_end.wait()
        return "slow"

    async def quick(_: Mapping[str, Any]) -> str:
        return "quick"

    serve({"slow": slow, "quick": quick})
    engines = RemoteEngines(memory)
    first = asyncio.create_task(engines.ask("slow", {}))
    second = await engines.ask("quick", {})
    assert list(second.results.values()) == ["quick"]
    assert not first.done()
    may_end.set()
    assert list((await first).results.values()) == ["slow"]


async def test_errors_come_back_as_what_they_are(memory, serve) -> None:
    async def refuse(_: Mapping[str, Any]) -> None:
        raise UnknownLoop("there is no loop 'x'")

    async def break_down(_: Mapping[str, Any]) -> None:
        raise ZeroDivisionError("a bug")

    serve({"refuse": refuse, "break": break_down})
    engines = RemoteEngines(memory)
    (refused,) = (await engines.ask("refuse", {})).errors.values()
    assert (type(refused), str(refused)) == (UnknownLoop, "there is no loop 'x'")
    (broken,) = (await engines.ask("break", {})).errors.values()
    assert (type(broken), str(broken)) == (FlowtuiError, "a bug")
    (unknown,) = (await engines.ask("dance", {})).errors.values()
    assert str(unknown) == "this engine's version of flowtui knows no request 'dance'"


async def test_serving_goes_on_when_the_store_was_away(memory, serve, monkeypatch) -> None:
    async def greet(_: Mapping[str, Any]) -> str:
        return "hello"

    inbox = memory.requests()
    take, calls = inbox.take, []

    async def failing() -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise StoreUnavailable("away")
        return await take()

    monkeypatch.setattr(inbox, "take", failing)
    monkeypatch.setattr("flowtui.engine.requests._RETRY_S", 0.01)
    serve({"greet": greet})
    answers = await RemoteEngines(memory).ask("greet", {})
    assert list(answers.results.values()) == ["hello"]
    assert len(calls) > 1


async def test_serving_ends_when_it_is_cancelled_though_the_redis_client_swallows_that(memory, monkeypatch) -> None:
    inbox = memory.requests()

    async def swallowing() -> list[Any]:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return []

    monkeypatch.setattr(inbox, "take", swallowing)
    serving = asyncio.create_task(Requests({}).serve(memory))
    await asyncio.sleep(0)
    serving.cancel()
    await asyncio.wait_for(serving, 20)


async def test_without_an_engine_nothing_is_asked(memory) -> None:
    with pytest.raises(NoEngine):
        await RemoteEngines(memory).command(Command.PAUSE, "w.p")


async def test_an_engine_that_has_not_begun_in_time_is_named(memory, serve) -> None:
    (instance,) = memory.instances
    with pytest.raises(NoAnswer, match=rf"^{instance} has not answered within 0.05 s: nothing is done there$"):
        await RemoteEngines(memory, 0.05).command(Command.PAUSE, "w.p")


async def test_an_engine_that_has_begun_and_not_answered_in_time_is_named(memory, serve) -> None:
    async def command(_: Mapping[str, Any]) -> None:
        await asyncio.Event().wait()

    serve({"command": command})
    (instance,) = memory.instances
    with pytest.raises(NoAnswer, match=rf"^{instance} has not answered within 0.5 s, but begun: look what becomes"):
        await RemoteEngines(memory, 0.5).command(Command.PAUSE, "w.p")


def _answers(states: dict[str, str] | Exception) -> Handler:
    async def command(_: Mapping[str, Any]) -> dict[str, str]:
        if isinstance(states, Exception):
            raise states
        return states

    return command


async def test_a_command_for_all_that_no_loop_can_obey_is_an_error(memory, serve) -> None:
    serve({"command": _answers({})})
    with pytest.raises(FlowtuiError, match="no loop is in a state in which it can resume"):
        await RemoteEngines(memory).command(Command.RESUME, None)
