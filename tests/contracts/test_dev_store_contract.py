"""What development keeps, on every kind of store."""

from __future__ import annotations

from dataclasses import replace

from flowtui.model.development import RUNS_KEPT, DevLine, DevRun, NodeFailure, NodeInput, Origin, Stored
from flowtui.storage.data_store import DataStore
from flowtui.storage.dev_store import MOST_OUTPUT_BYTES

RUN = DevRun(
    id="r-1",
    loop="w.ask",
    node="merge",
    at=10.0,
    ms=1.5,
    config={"n": 1},
    inputs=(NodeInput(Origin.CACHE, Stored({"a": 1}, id="i"), "left", "yes", 5.0, "rev", "its config has changed"),),
    output=Stored({"n": [1, None], "text": "é"}, {"left": Stored({"a": 1})}, "i"),
    lines=(DevLine(9.5, 20, "said"),),
    revisions={"left": "a.b", "merge": "c.d"},
    revision="rev",
)


async def test_a_run_comes_back_as_it_was_and_the_last_few_are_kept(data_store: DataStore) -> None:
    store = data_store.development()
    failed = replace(RUN, id="r-2", output=None, failure=NodeFailure("ValueError", "no", " (a.py:1 in execute)", "…"))
    await store.add_run(RUN)
    await store.add_run(failed)
    assert await store.runs("w.ask", "merge") == (failed, RUN)
    for number in range(RUNS_KEPT):
        await store.add_run(replace(RUN, id=f"n-{number}"))
    kept = await store.runs("w.ask", "merge")
    assert [run.id for run in kept] == [f"n-{number}" for number in reversed(range(RUNS_KEPT))]
    assert await store.runs("w.ask", "other") == ()


async def test_the_newest_output_of_each_port_is_kept_for_its_time(data_store: DataStore) -> None:
    store = data_store.development()
    yes, no = replace(RUN, port="yes", at=11.0), replace(RUN, port="no", at=12.0)
    for run in (RUN, yes, replace(no, at=1.0), no):
        assert await store.keep_output(run, 60.0)
    found = await store.outputs("w.ask", [("merge", ("yes", "no", "maybe")), ("other", ())])
    bare = [replace(run, inputs=(), lines=()) for run in (no, yes, RUN)]
    assert found == {"merge": bare}
    assert await store.outputs("w.ask", []) == {}
    await store.keep_output(replace(RUN, node="short"), 0.001)
    client = data_store._room().calls.client
    while await client.exists(f"{data_store._namespace}:dev:output:w.ask:short"):
        pass
    assert await store.outputs("w.ask", [("short", ())]) == {}


async def test_an_output_that_is_too_large_is_not_kept(data_store: DataStore) -> None:
    store = data_store.development()
    await store.keep_output(RUN)
    assert not await store.keep_output(replace(RUN, output=Stored({"text": "x" * MOST_OUTPUT_BYTES})))
    assert [run.output for run in (await store.outputs("w.ask", [("merge", ())]))["merge"]] == [RUN.output]


async def test_what_another_version_has_kept_is_passed_over(data_store: DataStore) -> None:
    store, client = data_store.development(), data_store._room().calls.client
    await store.add_run(RUN)
    for text in (b"{}", b"nonsense", b'{"inputs": []}', b"[1]"):
        await client.lpush(f"{data_store._namespace}:dev:runs:w.ask:merge", text)
        await client.set(f"{data_store._namespace}:dev:output:w.ask:merge", text)
    assert await store.runs("w.ask", "merge") == (RUN,)
    assert await store.outputs("w.ask", [("merge", ())]) == {}
