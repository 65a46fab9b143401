"""A node under test gets the input that is preferred, and one learns whether that is up to date."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev_lab import (
    LOOP,
    origins,
    payload,
    rewrite,
    run,
    run_all,
    sample,
)
from flowtui.engine.development import Development
from flowtui.model.development import Origin, Sample, Stored, mock
from flowtui.model.errors import BadInput, MissingInputs, UnknownLoop, UnknownNode
from flowtui.storage.data_store import DataStore


async def test_a_mock_goes_before_a_pin_and_that_before_the_cache_and_that_before_a_sample(
    bench: Development, memory_store: DataStore
) -> None:
    with pytest.raises(MissingInputs, match="add has no input from rows"):
        await run(bench, "add")
    await memory_store.samples().add([sample("rows", {"n": 10}), sample("rows", {"n": 11})])
    assert payload(await run(bench, "add")) == {"n": 13, "note": ""}
    await run(bench, "rows")
    assert payload(await run(bench, "add")) == {"n": 3, "note": ""}
    await bench.pin(LOOP, "rows", Stored({"n": 20}))
    assert payload(await run(bench, "add")) == {"n": 22, "note": ""}
    assert payload(await run(bench, "add", mock({"n": 30}, "rows"))) == {"n": 32, "note": ""}
    found = await bench.inspect(LOOP, "add")
    assert [each.data.payload["n"] for each in found.choices] == [20, 1, 11, 10]
    assert [each.origin for each in found.inputs] == [Origin.PIN]
    assert (await bench.inspect(LOOP, "rows")).pinned == Stored({"n": 20})
    await bench.pin(LOOP, "rows", None)
    assert [each.origin for each in (await bench.inspect(LOOP, "add")).inputs] == [Origin.CACHE]


@pytest.mark.parametrize(
    "unfit",
    [
        sample("parity", {"n": 1}, port="odd"),
        sample("parity", None),
        sample("parity", {"n": 1}, port="even", error="ValueError: no"),
        sample("parity", {}, port="even", cut=("output",)),
    ],
)
async def test_a_sample_of_another_branch_or_without_an_output_is_no_input(
    bench: Development, memory_store: DataStore, unfit: Sample
) -> None:
    await memory_store.samples().add([sample("parity", {"n": 2}, port="even"), unfit])
    assert [each.data.payload for each in (await bench.inspect(LOOP, "even")).choices] == [{"n": 2}]


async def test_what_a_node_itself_got_in_production_is_its_input_if_its_upstream_has_no_sample(
    bench: Development, memory_store: DataStore
) -> None:
    joined = Stored({"n": 9, "later": 8}, {"left": Stored({"n": 9}), "right": Stored({"later": 8})})
    own = sample("join", None, input=joined)
    await memory_store.samples().add([own, sample("add", None, input=Stored({"n": 6}))])
    assert payload(await run(bench, "add")) == {"n": 8, "note": ""}
    found = await bench.inspect(LOOP, "join")
    assert [(each.upstream, each.data.payload) for each in found.inputs] == [
        ("left", {"n": 9}),
        ("right", {"later": 8}),
    ]
    assert [(each.upstream, each.data) for each in found.choices] == [("", joined)]
    assert found.production == own
    whole = await run(bench, "join", found.choices[0])
    assert payload(whole) == {"n": 10, "note": "", "later": 8}


async def test_an_errored_output_is_never_an_input(bench: Development) -> None:
    await run(bench, "rows")
    failed = await run(bench, "add", mock({"no": "n"}))
    assert failed.failure is not None
    assert [each.upstream for each in (await bench.inspect(LOOP, "left")).missing] == ["add"]
    await run(bench, "add")
    await run(bench, "add", mock({"no": "n"}))
    assert payload(await run(bench, "left")) == {"n": 13, "note": ""}


@pytest.mark.parametrize(
    ("before", "after", "of_left", "of_join"),
    [
        ("config: {by: 2}", "config: {by: 3}", "its config has changed since", "the config of add has changed since"),
        ("rows: {type: rows}", "rows: {type: rows, config: {end: 9}}", *["the config of rows has changed since"] * 2),
        ("config: {by: 10}", "config: {by: 11}", "", "its config has changed since"),
        ("nodes:", "# a comment\nnodes:", "", ""),
    ],
)
async def test_an_input_is_stale_when_what_it_came_of_has_changed(
    own: Development, own_folder: Path, before: str, after: str, of_left: str, of_join: str
) -> None:
    await run_all(own, "rows", "add", "left", "right")
    assert await origins(own, "join") == {"left": ("cache", ""), "right": ("cache", "")}
    rewrite(own_folder / "flow.yaml", before, after)
    assert await origins(own, "left") == {"add": ("cache", of_left)}
    assert (await origins(own, "join"))["left"] == ("cache", of_join)


async def test_an_input_is_stale_when_the_code_that_made_it_has_changed(own: Development, own_folder: Path) -> None:
    await run_all(own, "rows", "add", "right")
    await own.pin(LOOP, "left", Stored({"n": 0}))
    rewrite(own_folder / "nodes" / "made.py", '"""Adds `by` to `n`', '"""Adds up `by` to `n`')
    assert await origins(own, "left") == {"add": ("cache", "its code has changed since")}
    # All are of one file.
    assert await origins(own, "join") == {
        "left": ("pin", "its code has changed since"),
        "right": ("cache", "its code has changed since"),
    }


async def test_an_input_is_stale_when_its_upstream_ran_again_or_was_pinned(bench: Development) -> None:
    await run_all(bench, "rows", "add", "left", "right", "rows")
    assert await origins(bench, "left") == {"add": ("cache", "rows has run again since")}
    await bench.pin(LOOP, "add", Stored({"n": 0}))
    assert (await origins(bench, "join"))["left"] == ("cache", "another output of add was pinned since")


async def test_a_sample_of_an_older_revision_is_stale(bench: Development, memory_store: DataStore) -> None:
    now = (await run(bench, "rows")).revisions
    await memory_store.samples().add(
        [sample("add", {"n": 1}, revisions={**now, "add": "a.b"}), sample("add", {"n": 2})]
    )
    assert [each.stale for each in (await bench.inspect(LOOP, "left")).choices] == [
        "",  # nothing is known of it
        "its code and config have changed since",
    ]


async def test_an_input_from_elsewhere_is_refused(bench: Development) -> None:
    with pytest.raises(BadInput, match=r"add takes nothing from 'row' \(did you mean 'rows'\?\)"):
        await run(bench, "add", mock({}, "row"))
    with pytest.raises(BadInput, match="in takes nothing from 'rows': it needs no other node"):
        await run(bench, "in", mock({}, "rows"), loop="queues.in")
    with pytest.raises(BadInput, match="rows is a producer"):
        await run(bench, "rows", mock({}))
    with pytest.raises(UnknownNode, match=r"flow.rows has no node 'ad' \(did you mean 'add'\?\)"):
        await run(bench, "ad")
    with pytest.raises(UnknownLoop, match=r"there is no loop 'flow.row' \(did you mean 'flow.rows'\?\)"):
        await bench.inspect("flow.row", "add")


async def plan(bench: Development, node: str) -> dict[str, str]:
    return {each.node: each.why for each in await bench.plan_upstream(LOOP, node)}


async def test_the_plan_for_a_diamond_names_each_node_once_in_the_order_of_the_runs(bench: Development) -> None:
    nothing = "nothing is known of its output"
    assert await plan(bench, "join") == dict.fromkeys(["rows", "add", "left", "right"], nothing)
    for each in await bench.plan_upstream(LOOP, "join"):
        await run(bench, each.node)
    assert await plan(bench, "join") == {}
    assert payload(await run(bench, "join")) == {"n": 14, "note": "", "later": 3}


async def test_what_is_behind_a_node_that_must_run_again_runs_again_too(own: Development, own_folder: Path) -> None:
    await run_all(own, "rows", "add", "left", "right")
    rewrite(own_folder / "flow.yaml", "config: {by: 2}", "config: {by: 3}")
    assert await plan(own, "join") == {
        "add": "its config has changed since",
        "left": "the config of add has changed since",
        "right": "the config of add has changed since",
    }
    await own.pin(LOOP, "add", Stored({"n": 0}))
    assert await plan(own, "left") == {}
    await own.pin(LOOP, "left", Stored({"n": 0}))
    assert list(await plan(own, "join")) == ["right"]


async def test_one_branch_of_a_diamond_does_not_stay_behind_the_other(
    bench: Development, memory_store: DataStore
) -> None:
    await memory_store.samples().add([sample("left", {"n": 5})])
    assert await plan(bench, "join") == {
        "rows": "nothing is known of its output",
        "add": "nothing is known of its output",
        "left": "add runs before it",
        "right": "nothing is known of its output",
    }
