"""Samples of production, on every kind of store."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import pytest

from flowtui.model.development import Sample, Stored
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import LEASE_S
from flowtui.storage.sample_store import SAMPLES_KEPT

SAMPLE = Sample(
    "w.ask",
    "merge",
    1.5,
    "i-1",
    Stored({"n": [1, None, 2.5], "text": "é"}, {"a": Stored({"n": 1}, id="x"), "b": Stored({})}, "x"),
    None,
    port="yes",
    error="ValueError: no",
    revision="r",
    revisions={"ask": "1", "merge": "2"},
    cut=("output",),
)


def numbered(count: int, node: str = "merge") -> list[Sample]:
    return [replace(SAMPLE, node=node, item=f"i-{number}", at=float(number)) for number in range(count)]


async def test_a_sample_comes_back_as_it_was_given(data_store: DataStore) -> None:
    samples = data_store.samples()
    await samples.add([SAMPLE])
    await samples.add([])
    assert await samples.newest("w.ask", "merge") == [SAMPLE]
    assert await samples.newest("w.ask", "other") == []


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_each_node_the_newest_few_are_kept(data_store: DataStore, at_once: bool) -> None:
    samples = data_store.samples()
    given = [*numbered(SAMPLES_KEPT + 3), *numbered(2, node="other")]
    for part in [given] if at_once else [[each] for each in given]:
        await samples.add(part)
    assert await samples.newest("w.ask", "merge") == numbered(SAMPLES_KEPT + 3)[: -SAMPLES_KEPT - 1 : -1]
    assert await samples.newest("w.ask", "other") == numbered(2, node="other")[::-1]


async def test_names_that_hold_colons_and_braces_stay_apart(data_store: DataStore) -> None:
    samples = data_store.samples()
    one, other = replace(SAMPLE, loop="a:b", node="c"), replace(SAMPLE, loop="a", node="b:c{}")
    await samples.add([one, other])
    assert await samples.newest("a:b", "c") == [one]
    assert await samples.newest("a", "b:c{}") == [other]


async def test_other_processes_see_them_and_what_they_keep_in_another_form_is_left_out(store, data_store) -> None:
    await data_store.samples().add([SAMPLE])
    with store.connector.client() as client:
        name = f"{store.namespace}:sample:w.ask:merge"
        client.lpush(name, b"{}", b"[1]", b"no JSON", SAMPLE.to_json().replace(b'"cut"', b'"cuts"'))
        assert 0 < client.pttl(name) <= 30 * 86_400_000
    with contextlib.closing(store.open()) as other:
        assert await other.samples().newest("w.ask", "merge") == [SAMPLE]
        await other.release()


async def test_beside_production_its_samples_are_read_too_and_stay_as_they_are(store) -> None:
    production = store.open()
    namespace = f"{store.namespace}:dev"
    beside = DataStore(production.info, store.connector, namespace, None, LEASE_S, production=store.namespace)
    try:
        await production.samples().add(given := numbered(3))
        own = replace(SAMPLE, at=1.5, item="mine")
        await beside.samples().add([own])
        assert await beside.samples().newest("w.ask", "merge") == [given[2], own, given[1], given[0]]
        assert await production.samples().newest("w.ask", "merge") == given[::-1]
    finally:
        for each in (production, beside):
            await each.release()
            each.close()
