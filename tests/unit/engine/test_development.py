"""One node is run with what production would give it, and production notices nothing of it."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dev_folder import FLOW, NODES, QUEUES, SMALL, developing, write_folder
from flowtui.engine.development import Development
from flowtui.model.development import RUNS_KEPT, DevRequest, DevRun, NodeInput, Origin, Sample, Stored, mock
from flowtui.model.errors import BadInput, FolderError, MissingInputs, UnknownLoop, UnknownNode
from flowtui.model.letters import DeadLetter, Hidden
from flowtui.storage.data_store import DataStore, StoreInfo
from flowtui.storage.lease import LEASE_S
from flowtui.storage.memory import MemoryConnector
from flowtui.storage.records import Commit

LOOP = "flow.rows"
SMALL_LOOP = "small.rows"
SECRET = "s3cret-value"
SECRETS = {"FLOWTUI_SECRET_TOKEN": SECRET}


@pytest.fixture
async def store() -> AsyncIterator[DataStore]:
    opened = DataStore(StoreInfo("memory", "memory", False), MemoryConnector(), "{t}", None, LEASE_S)
    with contextlib.closing(opened):
        yield opened
        await opened.release()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no test changes, but for its pins."""
    files = {"flow.yaml": FLOW, "small.yaml": SMALL, "queues.yaml": QUEUES}
    return write_folder(tmp_path_factory.mktemp("flows"), files)


@pytest.fixture
def bench(shared: Path, store: DataStore) -> Iterator[Development]:
    yield developing(shared, store, env=SECRETS)
    shutil.rmtree(shared / ".flowtui", ignore_errors=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path, {"flow.yaml": FLOW})


@pytest.fixture
def own(folder: Path, store: DataStore) -> Development:
    """Works on `folder`, which a test may change."""
    return developing(folder, store)


def rewrite(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


async def run(bench: Development, node: str, *inputs: NodeInput, loop: str = LOOP, **config: object) -> DevRun:
    return await bench.run_node(DevRequest(loop, node, config or None, inputs))


async def run_all(bench: Development, *nodes: str) -> list[DevRun]:
    return [await run(bench, node) for node in nodes]


def payload(run: DevRun) -> object:
    assert run.failure is None, run.failure
    return run.output.payload if run.output is not None else None


async def origins(bench: Development, node: str) -> dict[str, tuple[str, str]]:
    """Return where the input from each upstream comes from, and why it is stale."""
    return {each.upstream: (each.origin, each.stale) for each in (await bench.inspect(LOOP, node)).inputs}


def sample(node: str, output: dict[str, int] | None, **more: object) -> Sample:
    told = {"port": "", "error": "", "revisions": {}, "input": None, "cut": (), **more}
    return Sample(LOOP, node, 5.0, "i", output=None if output is None else Stored(output), **told)  # type: ignore[arg-type]


# ---- running ----


async def test_a_node_gets_what_its_upstream_made_and_hands_on_what_it_makes(bench: Development) -> None:
    rows, add = await run_all(bench, "rows", "add")
    assert payload(rows) == {"n": 1}
    assert [line.message for line in rows.lines] == ["told given_up"]
    assert payload(add) == {"n": 3, "note": ""}
    assert [(each.upstream, each.origin, each.data.payload) for each in add.inputs] == [("rows", "cache", {"n": 1})]
    assert [line.message for line in add.lines] == ["adds 2", "printed 1"]
    assert add.config == {"by": 2}
    assert add.ms is not None
    assert add.output is not None
    assert add.output.id == rows.output.id  # type: ignore[union-attr]


async def test_a_config_is_tried_without_being_written_and_its_templates_see_the_input(
    bench: Development, folder: Path
) -> None:
    before = (folder / "flow.yaml").read_text()
    tried = await run(bench, "add", mock({"n": 5}), by="{{ data.n * 2 }}", note="{{ loop }} ${MISSING:none}")
    assert payload(tried) == {"n": 15, "note": "flow.rows none"}
    assert tried.config == {"by": "{{ data.n * 2 }}", "note": "{{ loop }} ${MISSING:none}"}
    assert (folder / "flow.yaml").read_text() == before
    assert (await bench.inspect(LOOP, "add")).config == {"by": 2}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"by": "many"}, "by: "),
        ({"bye": 1}, "bye"),
        ({"note": "${NOT_SET_HERE}"}, "NOT_SET_HERE"),
        ({"note": "{{ nonsense }}"}, "nonsense"),
        ({"note": "${secret:NOT_SET_HERE}"}, "NOT_SET_HERE"),
        ({"note": "{{ data.absent }}"}, "absent"),
    ],
)
async def test_a_config_that_does_not_fit_is_a_run_that_failed(
    bench: Development, config: dict[str, object], why: str
) -> None:
    tried = await run(bench, "add", mock({"n": 5}), **config)
    assert tried.failure is not None
    assert why in tried.failure.message
    assert (await bench.inspect(LOOP, "add")).runs == (tried,)


async def test_what_a_node_raises_is_told_with_its_authors_line(bench: Development) -> None:
    failed = await run(bench, "bad", mock({"n": 7}), loop=SMALL_LOOP)
    assert failed.output is None
    assert failed.failure is not None
    line = NODES[: NODES.index("cannot take")].count("\n") + 1
    assert (failed.failure.error, failed.failure.message) == ("ValueError", "cannot take 7")
    assert failed.failure.place == f" (made.py:{line} in execute)"
    assert "one_node.py" not in failed.failure.traceback
    assert failed.lines[-1].message == f"ValueError: cannot take 7{failed.failure.place}"


async def test_a_producer_goes_on_behind_the_cursor_of_production_and_never_moves_it(
    bench: Development, store: DataStore
) -> None:
    await store._room().calls.client.set("{t}:cursor:flow.rows", b"41")
    first, second = [await run(bench, "rows") for _ in range(2)]
    assert payload(first) == payload(second) == {"n": 42}
    assert await store.queues().cursor(LOOP) == b"41"


@pytest.mark.parametrize(("config", "note"), [({"gap": 1}, "nothing now: no row is there"), ({"end": 1}, "exhausted")])
async def test_a_producer_that_has_no_item_says_why(bench: Development, config: dict[str, object], note: str) -> None:
    ended = await run(bench, "rows", **config)
    assert (ended.output, ended.note, ended.failure) == (None, note, None)
    assert (await bench.inspect(LOOP, "add")).missing


async def test_a_node_that_drops_the_item_has_no_output_but_that_of_an_earlier_run(bench: Development) -> None:
    await run(bench, "rows", loop=SMALL_LOOP)
    dropped = await run(bench, "keep", loop=SMALL_LOOP)
    assert (dropped.output, dropped.note) == (None, "dropped the item")
    with pytest.raises(MissingInputs, match="kept has no input from keep"):
        await run(bench, "kept", loop=SMALL_LOOP)
    await run(bench, "keep", mock({"n": 1, "keep": True}), loop=SMALL_LOOP)
    await run(bench, "keep", loop=SMALL_LOOP)
    assert payload(await run(bench, "kept", loop=SMALL_LOOP)) == {"n": 2, "keep": True, "note": ""}


async def test_a_non_blocking_node_runs_like_any_other(bench: Development) -> None:
    await run_all(bench, "rows", "add")
    assert payload(await run(bench, "right")) == {"later": 3}


async def test_a_join_gets_its_inputs_merged_in_order_and_each_by_its_name(bench: Development) -> None:
    *_, join = await run_all(bench, "rows", "add", "left", "right", "join")
    assert payload(join) == {"n": 14, "note": "", "later": 3}
    assert [each.upstream for each in join.inputs] == ["left", "right"]
    typed = await run(bench, "join", mock({"n": 100}, "left"))
    assert payload(typed) == {"n": 101, "note": "", "later": 3}
    assert [each.origin for each in typed.inputs] == ["mock", "cache"]


async def test_a_conditional_feeds_only_the_branch_that_it_chose(bench: Development) -> None:
    _, _, chosen = await run_all(bench, "rows", "add", "parity")
    assert (payload(chosen), chosen.port) == ({"n": 3, "note": ""}, "odd")
    assert payload(await run(bench, "odd")) == {"n": 4, "note": ""}
    with pytest.raises(MissingInputs, match=r"it chose 'odd' last, and even follows 'even'"):
        await run(bench, "even")
    await run(bench, "parity", mock({"n": 8}))
    assert payload(await run(bench, "even")) == {"n": 9, "half": 4, "note": ""}
    assert payload(await run(bench, "odd")) == {"n": 4, "note": ""}  # its own last input


async def test_a_join_behind_branches_runs_with_the_one_that_was_taken(bench: Development) -> None:
    *_, both = await run_all(bench, "rows", "add", "parity", "odd", "both")
    assert [each.upstream for each in both.inputs] == ["odd"]
    assert payload(both) == {"n": 5, "note": ""}


async def test_a_queue_writer_says_where_it_would_write(
    bench: Development, store: DataStore
) -> None:
    _, written, behind = [await run(bench, node, loop="queues.rows") for node in ("rows", "out", "behind")]
    assert payload(written) == {"n": 1}
    assert written.note.startswith("would be pushed to the queue queues.done")
    assert payload(behind) == {"n": 2, "note": ""}
    assert await store.queue_admin().names() == []
    other = await run(bench, "out", loop="queues.rows", queue="/shared")
    assert "the queue /shared" in other.note


async def test_a_queue_reader_shows_the_next_item_and_takes_none(bench: Development, store: DataStore) -> None:
    empty = await run(bench, "in", loop="queues.in")
    assert empty.note == "nothing now: nothing waits in the queue queues.done"
    for n in (5, 6):
        await store.queue_admin().inject("queues.done", {"n": n}, f"item-{n}")
    for _ in range(2):
        shown = await run(bench, "in", loop="queues.in")
        assert shown.output == Stored({"n": 5}, id="item-5")
    assert payload(await run(bench, "in", mock({"n": 9}), loop="queues.in")) == {"n": 9}
    assert payload(await run(bench, "add", loop="queues.in")) == {"n": 10, "note": ""}


async def test_a_trigger_makes_its_item_of_what_is_typed_or_usual(bench: Development, store: DataStore) -> None:
    assert payload(await run(bench, "ask", loop="queues.ask")) == {"n": 7}
    assert payload(await run(bench, "ask", mock({"n": "8"}), loop="queues.ask")) == {"n": 8}
    wrong = await run(bench, "ask", mock({"n": "many"}), loop="queues.ask")
    assert wrong.failure is not None
    assert "the input of queues.ask does not fit: n: " in wrong.failure.message
    assert await store.queue_admin().names() == []


async def test_a_dedupe_node_takes_no_item_for_a_duplicate(bench: Development) -> None:
    for _ in range(2):
        assert payload(await run(bench, "once", mock({"n": 1}), loop=SMALL_LOOP)) == {"n": 1}
    assert (await run(bench, "once", mock({"m": 1}), loop=SMALL_LOOP)).failure is not None


async def test_an_output_that_is_no_json_is_shown_as_text_and_is_no_input(bench: Development) -> None:
    odd = await run(bench, "odd", mock({"n": 1}), loop=SMALL_LOOP)
    assert payload(odd) == {"exact": "Decimal('1.5')", "pair": [1, 2], "3": "three"}
    assert odd.note == (
        "shown as text, and no input for others: output['exact'] is of type Decimal; "
        "make it a text, a number, a list or a dict"
    )
    assert (await bench.inspect(SMALL_LOOP, "after")).missing


async def test_a_node_that_takes_longer_than_its_timeout_fails_and_is_not_tried_again(bench: Development) -> None:
    late = await run(bench, "slow", mock({"seconds": 0.2}), loop=SMALL_LOOP)
    assert late.failure is not None
    assert late.failure.error == "TimedOut"
    assert late.failure.message.startswith("slow took longer than its timeout of 0.03 s")


# ---- where inputs come from ----


async def test_a_mock_goes_before_a_pin_and_that_before_the_cache_and_that_before_a_sample(
    bench: Development, store: DataStore
) -> None:
    with pytest.raises(MissingInputs, match="add has no input from rows"):
        await run(bench, "add")
    await store.samples().add([sample("rows", {"n": 10}), sample("rows", {"n": 11})])
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
    bench: Development, store: DataStore, unfit: Sample
) -> None:
    await store.samples().add([sample("parity", {"n": 2}, port="even"), unfit])
    assert [each.data.payload for each in (await bench.inspect(LOOP, "even")).choices] == [{"n": 2}]


async def test_what_a_node_itself_got_in_production_is_its_input_if_its_upstream_has_no_sample(
    bench: Development, store: DataStore
) -> None:
    joined = Stored({"n": 9, "later": 8}, {"left": Stored({"n": 9}), "right": Stored({"later": 8})})
    own = sample("join", None, input=joined)
    await store.samples().add([own, sample("add", None, input=Stored({"n": 6}))])
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
    own: Development, folder: Path, before: str, after: str, of_left: str, of_join: str
) -> None:
    await run_all(own, "rows", "add", "left", "right")
    assert await origins(own, "join") == {"left": ("cache", ""), "right": ("cache", "")}
    rewrite(folder / "flow.yaml", before, after)
    assert await origins(own, "left") == {"add": ("cache", of_left)}
    assert (await origins(own, "join"))["left"] == ("cache", of_join)


async def test_an_input_is_stale_when_the_code_that_made_it_has_changed(own: Development, folder: Path) -> None:
    await run_all(own, "rows", "add", "right")
    await own.pin(LOOP, "left", Stored({"n": 0}))
    rewrite(folder / "nodes" / "made.py", '"""Adds `by` to `n`', '"""Adds up `by` to `n`')
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


async def test_a_sample_of_an_older_revision_is_stale(bench: Development, store: DataStore) -> None:
    now = (await run(bench, "rows")).revisions
    await store.samples().add([sample("add", {"n": 1}, revisions={**now, "add": "a.b"}), sample("add", {"n": 2})])
    assert [each.stale for each in (await bench.inspect(LOOP, "left")).choices] == [
        "",  # nothing is known of it
        "its code and config have changed since",
    ]


async def test_an_input_from_elsewhere_is_refused(bench: Development) -> None:
    with pytest.raises(BadInput, match=r"add takes nothing from 'row' \(did you mean 'rows'\?\)"):
        await run(bench, "add", mock({}, "row"))
    with pytest.raises(BadInput, match="rows is a producer"):
        await run(bench, "rows", mock({}))
    with pytest.raises(UnknownNode, match=r"flow.rows has no node 'ad' \(did you mean 'add'\?\)"):
        await run(bench, "ad")
    with pytest.raises(UnknownLoop, match=r"there is no loop 'flow.row' \(did you mean 'flow.rows'\?\)"):
        await bench.inspect("flow.row", "add")


# ---- plans ----


async def plan(bench: Development, node: str) -> dict[str, str]:
    return {each.node: each.why for each in await bench.plan_upstream(LOOP, node)}


async def test_the_plan_for_a_diamond_names_each_node_once_in_the_order_of_the_runs(bench: Development) -> None:
    nothing = "nothing is known of its output"
    assert await plan(bench, "join") == dict.fromkeys(["rows", "add", "left", "right"], nothing)
    for each in await bench.plan_upstream(LOOP, "join"):
        await run(bench, each.node)
    assert await plan(bench, "join") == {}
    assert payload(await run(bench, "join")) == {"n": 14, "note": "", "later": 3}


async def test_what_is_behind_a_node_that_must_run_again_runs_again_too(own: Development, folder: Path) -> None:
    await run_all(own, "rows", "add", "left", "right")
    rewrite(folder / "flow.yaml", "config: {by: 2}", "config: {by: 3}")
    assert await plan(own, "join") == {
        "add": "its config has changed since",
        "left": "the config of add has changed since",
        "right": "the config of add has changed since",
    }
    await own.pin(LOOP, "add", Stored({"n": 0}))
    assert await plan(own, "left") == {}
    await own.pin(LOOP, "left", Stored({"n": 0}))
    assert list(await plan(own, "join")) == ["right"]


async def test_one_branch_of_a_diamond_does_not_stay_behind_the_other(bench: Development, store: DataStore) -> None:
    await store.samples().add([sample("left", {"n": 5})])
    assert await plan(bench, "join") == {
        "rows": "nothing is known of its output",
        "add": "nothing is known of its output",
        "left": "add runs before it",
        "right": "nothing is known of its output",
    }


# ---- what is kept ----


async def test_the_last_runs_of_a_node_are_kept_newest_first(bench: Development) -> None:
    made = [await run(bench, "add", mock({"n": n})) for n in range(RUNS_KEPT + 2)]
    assert list((await bench.inspect(LOOP, "add")).runs) == made[: -RUNS_KEPT - 1 : -1]


async def test_nothing_is_written_but_under_dev_and_all_of_that_ends_by_itself(
    bench: Development, store: DataStore
) -> None:
    client = store._room().calls.client
    await store.samples().add([sample("rows", {"n": 10})])
    await store.queue_admin().inject("flow.in", {"n": 1})
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


async def test_a_run_too_large_to_be_kept_says_what_was_left_out(bench: Development) -> None:
    large = await run(bench, "add", mock({"n": 1, "text": "x" * 300_000}))
    assert large.cut == ()
    assert (await bench.inspect(LOOP, "add")).runs[0].cut == ("output", "input")
    assert payload(await run(bench, "left")) == {"n": 13, "note": "", "text": "x" * 300_000}


async def test_pins_stand_in_a_file_beside_the_workflows(own: Development, folder: Path) -> None:
    await own.pin(LOOP, "add", None)
    assert not (folder / ".flowtui").exists()
    await own.pin(LOOP, "add", Stored({"n": 0}))
    told = json.loads((folder / ".flowtui" / "pins.json").read_text())
    assert told["loops"][LOOP]["add"]["output"] == {"payload": {"n": 0}}
    assert [each.name for each in (folder / ".flowtui").iterdir()] == ["pins.json"]
    for text in ("nonsense", "{}", '{"version": 1, "loops": {"flow.rows": {"add": {}}}}', "[]"):
        (folder / ".flowtui" / "pins.json").write_text(text)
        with pytest.raises(FolderError, match=r"pins\.json holds no pins any more: mend it"):
            await own.inspect(LOOP, "left")
        with pytest.raises(FolderError, match=r"pins\.json holds no pins any more"):
            await own.pin(LOOP, "add", Stored({"n": 1}))
        assert (folder / ".flowtui" / "pins.json").read_text() == text


async def test_without_a_store_a_node_runs_with_what_it_is_given(folder: Path) -> None:
    bench = developing(folder, None)
    assert payload(await run(bench, "rows")) == {"n": 1}
    assert [each.upstream for each in (await bench.inspect(LOOP, "add")).missing] == ["rows"]
    await bench.pin(LOOP, "rows", Stored({"n": 5}))
    assert payload(await run(bench, "add")) == {"n": 7, "note": ""}
    assert (await bench.inspect(LOOP, "add")).runs == ()


# ---- secrets ----


async def test_a_secret_is_known_to_the_node_and_stands_in_nothing_that_people_read(
    bench: Development, store: DataStore
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
    client = store._room().calls.client
    kept = [await client.dump(key) for key in await client.keys("*")]
    assert SECRET not in repr((told, failed, await bench.inspect(SMALL_LOOP, "tell"), kept))


async def test_a_dead_letter_runs_with_the_secrets_that_it_hides(bench: Development, store: DataStore) -> None:
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
    await store.queues().join("owner", None)
    assert (await store.queues().commit("owner", Commit(1, dead=(letter,)))).letters == 1
    given = NodeInput(Origin.LETTER, Stored(letter.payload), letter=1)
    shown = await run(bench, "note", given, loop=SMALL_LOOP)
    assert payload(shown) == {"n": 2, "key": "***TOKEN***", "note": str(len(SECRET))}
    assert shown.inputs == (given,)
    edited = await run(bench, "note", mock({"n": 5, "key": "***TOKEN***"}, like=given), loop=SMALL_LOOP)
    assert payload(edited) == {"n": 6, "key": "***TOKEN***", "note": str(len(SECRET))}
    other = await run(bench, "note", mock({"n": 5, "key": "mine"}, like=given), loop=SMALL_LOOP)
    assert payload(other) == {"n": 6, "key": "mine", "note": "4"}
