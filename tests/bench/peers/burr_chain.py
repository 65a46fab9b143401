"""Burr: a state machine of four actions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from burr.core import ApplicationBuilder, State, action

from peers.items import Payload, Sink, payloads


@action(reads=[], writes=["item"])
def first(state: State, item: Payload) -> State:
    return state.update(item=item)


@action(reads=["item"], writes=["item"])
def following(state: State) -> State:
    return state.update(item=state["item"])


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    app = (
        ApplicationBuilder()
        .with_actions(first=first, second=following, third=following, fourth=following)
        .with_transitions(("first", "second"), ("second", "third"), ("third", "fourth"), ("fourth", "first"))
        .with_entrypoint("first")
        .build()
    )
    sink = Sink()

    def send(items: int) -> float:
        began = perf_counter()
        for item in payloads(items):
            sink.take(app.run(halt_after=["fourth"], inputs={"item": item})[2]["item"])
        took = perf_counter() - began
        sink.expect(items)
        return took

    yield send
