"""Development keeps runs, outputs and pins, no secrets, and touches nothing of production."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest

from dev_lab import (
    LOOP,
    SECRET,
    SECRETS,
    SMALL_LOOP,
    developing,
    payload,
    run,
    sample,
)
from flowtui.engine.development import Development
from flowtui.model.development import RUNS_KEPT, NodeInput, Origin, Stored, mock
from flowtui.model.errors import FolderError
from flowtui.model.letters import DeadLetter, Hidden
from flowtui.storage.commit import Commit
from flowtui.storage.data_store import DataStore, StoreInfo
from flowtui.storage.lease import LEASE_S
from flowtui.storage.memory import MemoryConnector


async def test_the_last_runs_of_a_node_are_kept_newest_first(bench: Development) -> None:
    made = [await run(bench, "add", mock({"n": n})) for n in range(RUNS_KEPT + 2)]
    assert list((await bench.inspect(LOOP, "add")).runs) == made[: -RUNS_KEPT - 1 : -1]


async def test_nothing_is_written_but_under_dev_and_all_of_that_ends_by_itself(
    bench: Development, memory_store: DataStore
) -> None:
    client = memory_store._room().calls.client
    await memory_store.samples().add([sample("rows", {"n": 10})])
    await memory_store.queue_admin().inject("flow.in", {"n": 1})
    before = {key: await client.dump(key) for key in await client.keys("*")}
    for each in await bench.plan_upstream(LOOP, "join"):
        await run(bench, each.node)
    await run(bench, "join")
    await run(bench, "add", mock({}))
    await bench.pin(LOOP, "add", Stored({"n": 0}))
    after = {key: await client.dump(key) for key in await client.keys("*")}
    assert {key: value for key, value in after.items() if not key.startswith(b"{t}:dev:")} == before
    assert all([await client.ttl(key) > 0 for key in after.keys() - before.keys()])
    assert after.keys() - before.keys()


async def test_beside_production_its_samples_are_read_and_only_development_is_written(dev_files: Path) -> None:
    connector, info = MemoryConnector(), StoreInfo("memory", "memory", False)
    production = DataStore(info, connector, "{t}", None, LEASE_S)
    beside = DataStore(info, connector, "{t}:dev", None, LEASE_S, production="{t}")
    with contextlib.closing(production), contextlib.closing(beside):
        client = production._room().calls.client
        await production.samples().add([sample("rows", {"n": 10})])
        await client.set("{t}:cursor:flow.rows", b"41")
        before = set(await client.keys("*"))
        bench = developing(dev_files, beside, env=SECRETS)
        assert payload(await run(bench, "add")) == {"n": 12, "note": ""}
        assert payload(await run(bench, "rows")) == {"n": 42}
        assert set(await client.keys("*")) - before == {
            b"{t}:dev:output:flow.rows:add",
            b"{t}:dev:output:flow.rows:rows",
            b"{t}:dev:runs:flow.rows:add",
            b"{t}:dev:runs:flow.rows:rows",
        }
        await beside.release()
        await production.release()


async def test_a_run_too_large_to_be_kept_says_what_was_left_out(bench: Development) -> None:
    large = await run(bench, "add", mock({"n": 1, "text": "x" * 300_000}))
    assert large.cut == ()
    assert (await bench.inspect(LOOP, "add")).runs[0].cut == ("output", "input")
    assert payload(await run(bench, "left")) == {"n": 13, "note": "", "text": "x" * 300_000}


async def test_pins_stand_in_a_file_beside_the_workflows(own: Development, own_folder: Path) -> None:
    await own.pin(LOOP, "add", None)
    assert not (own_folder / ".flowtui").exists()
    await own.pin(LOOP, "add", Stored({"n": 0}))
    told = json.loads((own_folder / ".flowtui" / "pins.json").read_text())
    assert told["loops"][LOOP]["add"]["output"] == {"payload": {"n": 0}}
    assert [each.name for each in (own_folder / ".flowtui").iterdir()] == ["pins.json"]
    for text in ("nonsense", "{}", '{"version": 1, "loops": {"flow.rows": {"add": {}}}}', "[]"):
        (own_folder / ".flowtui" / "pins.json").write_text(text)
        with pytest.raises(FolderError, match=r"pins\.json holds no pins any more: mend it"):
            await own.inspect(LOOP, "left")
        with pytest.raises(FolderError, match=r"pins\.json holds no pins any more"):
            await own.pin(LOOP, "add", Stored({"n": 1}))
        assert (own_folder / ".flowtui" / "pins.json").read_text() == text


async def test_without_a_store_a_node_runs_with_what_it_is_given(own_folder: Path) -> None:
    bench = developing(own_folder, None)
    assert payload(await run(bench, "rows")) == {"n": 1}
    assert [each.upstream for each in (await bench.inspect(LOOP, "add")).missing] == ["rows"]
    await bench.pin(LOOP, "rows", Stored({"n": 5}))
    assert payload(await run(bench, "add")) == {"n": 7, "note": ""}
    assert (await bench.inspect(LOOP, "add")).runs == ()


async def test_a_secret_is_known_to_the_node_and_stands_in_nothing_that_people_read(
    bench: Development, memory_store: DataStore
) -> None:
    told = await run(bench, "tell", mock({"n": 1}), loop=SMALL_LOOP)
    assert payload(told) == {"length": len(SECRET), "header": "Bearer ***TOKEN***", "text": ""}
    assert told.note == "a secret in the output is shown as ***NAME***, and others get just that"
    assert told.lines[0].message == "the token is ***TOKEN***"
    assert told.config == {"token": "${secret:TOKEN}"}
    failed = await run(bench, "tell", mock({"fail": SECRET}), loop=SMALL_LOOP)
    assert failed.failure is not None
    assert failed.failure.message == "the token ***TOKEN*** is wrong"
    assert SECRET not in failed.failure.traceback
    client = memory_store._room().calls.client
    kept = [await client.dump(key) for key in await client.keys("*")]
    assert SECRET not in repr((told, failed, await bench.inspect(SMALL_LOOP, "tell"), kept))


async def test_a_dead_letter_runs_with_the_secrets_that_it_hides(bench: Development, memory_store: DataStore) -> None:
    letter = DeadLetter(
        id="i",
        loop=SMALL_LOOP,
        node="note",
        revision="",
        payload={"n": 1, "key": "***TOKEN***"},
        trace="i",
        attempt=1,
        error="ValueError",
        message="",
        traceback="",
        fingerprint="f",
        failed_at=1.0,
        hidden=(Hidden(("payload", "key"), (("TOKEN", "plain"),)),),
    )
    await memory_store.queues().join("owner", None)
    assert (await memory_store.queues().commit("owner", Commit(1, dead=(letter,)))).letters == 1
    given = NodeInput(Origin.LETTER, Stored(letter.payload), letter=1)
    shown = await run(bench, "note", given, loop=SMALL_LOOP)
    assert payload(shown) == {"n": 2, "key": "***TOKEN***", "note": str(len(SECRET))}
    assert shown.inputs == (given,)
    edited = await run(bench, "note", mock({"n": 5, "key": "***TOKEN***"}, like=given), loop=SMALL_LOOP)
    assert payload(edited) == {"n": 6, "key": "***TOKEN***", "note": str(len(SECRET))}
    other = await run(bench, "note", mock({"n": 5, "key": "mine"}, like=given), loop=SMALL_LOOP)
    assert payload(other) == {"n": 6, "key": "mine", "note": "4"}
