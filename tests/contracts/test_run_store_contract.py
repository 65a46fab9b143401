"""Records of runs, on every kind of store."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from flowtui.model.errors import UnknownRun
from flowtui.model.runs import NodeRun, NodeRunState, Run, RunState
from flowtui.storage.commit import DeliveryLimit
from flowtui.storage.data_store import DataStore
from flowtui.storage.queue_store import Source
from flowtui.storage.records import Delivery, trigger_queue

LOOP = "w.ask"
RUN = Run(
    "r-1",
    LOOP,
    "w",
    {"n": [1, None], "text": "é"},
    layers=(("a", "b"), ("c",)),
    leaves=("c",),
    nodes={
        "a": NodeRun("a", NodeRunState.RUNNING, 1.5, None, 2, 3, "ValueError: no"),
        "b": NodeRun("b", NodeRunState.DONE, 1.0, 2.25, 1, 1, "", "yes"),
    },
    outputs={"c": {"x": 1}},
    cut=("c",),
    asked_at=1.0,
    attempt=1,
)


async def test_a_run_is_found_as_it_was_saved(data_store: DataStore) -> None:
    runs = data_store.runs()
    assert await runs.save(RUN)
    assert await runs.find("r-1") == RUN
    with pytest.raises(UnknownRun, match="no run 'r-2'"):
        await runs.find("r-2")


async def test_whoever_waits_hears_of_a_change_made_elsewhere(store) -> None:
    one, other = store.open(), store.open()
    try:
        bell = one.runs().doorbell("r-1")
        await other.runs().save(RUN)
        if store.kind != "memory":  # whose store is one process's
            async with asyncio.timeout(10):
                while not bell.is_set():
                    await other.runs().save(RUN)
                    await asyncio.sleep(0.01)
        assert await one.runs().find("r-1") == RUN
    finally:
        for each in (one, other):
            await each.release()
            each.close()


async def test_what_an_earlier_attempt_still_writes_does_not_count(data_store: DataStore) -> None:
    runs = data_store.runs()
    second = replace(RUN, attempt=2, state=RunState.DONE)
    assert await runs.save(second)
    assert not await runs.save(RUN)
    assert await runs.find("r-1") == second
    assert await runs.save(replace(second, attempt=3))


async def test_a_run_whose_item_was_given_up_on_has_failed(store) -> None:
    opened = store.open()
    try:
        queue = trigger_queue(LOOP)
        source = Source(queue, LOOP)
        await opened.runs().save(RUN)
        await opened.queues().join("o-1", source, DeliveryLimit(1, "ask"))
        await opened.queue_admin().inject(queue, {"n": 1}, "r-1")
        (delivery,) = await opened.queues().fetch("o-1", source, 1)
        assert isinstance(delivery, Delivery)
        store.end_owners("o-1")
        run = await opened.runs().find("r-1")
        (letter,) = await opened.dead_letters().page(LOOP)
        assert (run.state, run.letters, letter.id) == (RunState.FAILED, (letter.number,), "r-1")
        assert run.nodes["a"].error == "its process died"
        again = replace(RUN, attempt=2)
        await opened.runs().save(again)
        assert await opened.runs().find("r-1") == again
    finally:
        await opened.release()
        opened.close()
