"""LangGraph: a compiled state graph. `invoke` is used: `ainvoke` is no faster here."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import TypedDict

from langgraph.graph import END, START, StateGraph

from peers.items import Payload, Sink, payloads


class _State(TypedDict):
    item: Payload


def _same(state: _State) -> _State:
    return state


@contextlib.contextmanager
def chain(state: Path) -> Iterator[Callable[[int], float]]:
    graph = StateGraph(_State)
    names = ("first", "second", "third", "fourth")
    for name, before in zip(names, (START, *names), strict=False):
        graph.add_node(name, _same)
        graph.add_edge(before, name)
    graph.add_edge(names[-1], END)
    compiled = graph.compile()
    sink = Sink()

    def send(items: int) -> float:
        began = perf_counter()
        for item in payloads(items):
            sink.take(compiled.invoke({"item": item})["item"])
        took = perf_counter() - began
        sink.expect(items)
        return took

    yield send
