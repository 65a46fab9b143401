"""One node is run as production would run it, and one sees how it is written and what its config means."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev_lab import (
    LOOP,
    NODES,
    SMALL_LOOP,
    developing,
    payload,
    plans_of,
    rewrite,
    run,
    run_all,
    write_folder,
)
from flowtui.engine.dev_here import RunsHere
from flowtui.engine.development import Development
from flowtui.model.development import Stored, mock
from flowtui.model.errors import MissingInputs
from flowtui.model.states import NodeKind
from flowtui.nodes.secrets import no_secrets
from flowtui.storage.data_store import DataStore
from flowtui.workflow.source import text_digest


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
    bench: Development, own_folder: Path
) -> None:
    before = (own_folder / "flow.yaml").read_text()
    tried = await run(bench, "add", mock({"n": 5}), by="{{ data.n * 2 }}", note="{{ loop }} ${MISSING:none}")
    assert payload(tried) == {"n": 15, "note": "flow.rows none"}
    assert tried.config == {"by": "{{ data.n * 2 }}", "note": "{{ loop }} ${MISSING:none}"}
    assert (own_folder / "flow.yaml").read_text() == before
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
    bench: Development, memory_store: DataStore
) -> None:
    await memory_store._room().calls.client.set("{t}:cursor:flow.rows", b"41")
    first, second = [await run(bench, "rows") for _ in range(2)]
    assert payload(first) == payload(second) == {"n": 42}
    assert await memory_store.queues().cursor(LOOP) == b"41"


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


async def test_a_queue_writer_says_where_it_would_write(bench: Development, memory_store: DataStore) -> None:
    _, written, behind = [await run(bench, node, loop="queues.rows") for node in ("rows", "out", "behind")]
    assert payload(written) == {"n": 1}
    assert written.note.startswith("would be pushed to the queue queues.done")
    assert payload(behind) == {"n": 2, "note": ""}
    assert await memory_store.queue_admin().names() == []
    other = await run(bench, "out", loop="queues.rows", queue="/shared")
    assert "the queue /shared" in other.note


async def test_a_queue_reader_shows_the_next_item_and_takes_none(bench: Development, memory_store: DataStore) -> None:
    empty = await run(bench, "in", loop="queues.in")
    assert empty.note == "nothing now: nothing waits in the queue queues.done"
    for n in (5, 6):
        await memory_store.queue_admin().inject("queues.done", {"n": n}, f"item-{n}")
    for _ in range(2):
        shown = await run(bench, "in", loop="queues.in")
        assert shown.output == Stored({"n": 5}, id="item-5")
    assert payload(await run(bench, "in", mock({"n": 9}), loop="queues.in")) == {"n": 9}
    assert payload(await run(bench, "add", loop="queues.in")) == {"n": 10, "note": ""}


async def test_a_trigger_makes_its_item_of_what_is_typed_or_usual(bench: Development, memory_store: DataStore) -> None:
    assert payload(await run(bench, "ask", loop="queues.ask")) == {"n": 7}
    assert payload(await run(bench, "ask", mock({"n": "8"}), loop="queues.ask")) == {"n": 8}
    wrong = await run(bench, "ask", mock({"n": "many"}), loop="queues.ask")
    assert wrong.failure is not None
    assert "the input of queues.ask does not fit: n: " in wrong.failure.message
    assert await memory_store.queue_admin().names() == []


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


async def test_an_inspection_tells_where_a_node_stands_and_how_it_is_written(
    own: Development, own_folder: Path
) -> None:
    text = "name: flow\n\nnodes:\n  rows: {type: rows}\n  # the total\n  add:\n    type: add\n    needs: rows\n"
    text += '    config: {by: 2, note: "${LABEL:usual}"}\n'
    (own_folder / "flow.yaml").write_text(text)
    found = await own.inspect(LOOP, "add")
    assert (found.type, found.kind, found.upstream) == ("add", NodeKind.BLOCKING, ("rows",))
    assert (found.path, found.line) == (own_folder / "flow.yaml", 6)
    assert found.source == (own_folder / "nodes" / "made.py", NODES[: NODES.index("class Add")].count("\n") + 1)
    assert found.digest == text_digest(text.encode())
    assert found.config == {"by": 2, "note": "${LABEL:usual}"}
    assert [(field.name, field.value) for field in found.form.fields] == [("by", 2), ("note", "${LABEL:usual}")]
    assert found.may_edit == ""
    assert (await own.inspect(LOOP, "rows")).missing == ()


async def test_a_built_in_node_has_no_source_to_edit(bench: Development) -> None:
    assert (await bench.inspect("queues.rows", "out")).source is None


async def test_while_its_file_has_errors_a_node_runs_as_it_was_and_may_not_be_edited(
    own_folder: Path, memory_store: DataStore
) -> None:
    loaded = plans_of(own_folder)
    own = Development(lambda: loaded, own_folder, no_secrets, memory_store, env={}, processes=RunsHere())
    path = own_folder / "flow.yaml"
    for broken in (path.read_text() + "      more: [", "- a list", ""):
        path.write_text(broken)
        found = await own.inspect(LOOP, "add")
        assert found.may_edit == f"{path} has errors now: mend it first (flowtui check shows them)"
        assert (found.config, found.line) == ({"by": 2}, loaded[LOOP].nodes[1].line)
        assert payload(await run(own, "add", mock({"n": 1}))) == {"n": 3, "note": ""}
    path.unlink()
    assert (await own.inspect(LOOP, "add")).may_edit == f"{path} cannot be read: no such file or directory"
    assert (await run(own, "add", mock({"n": 1}))).ok


async def test_the_file_counts_as_soon_as_it_is_saved(own_folder: Path, memory_store: DataStore) -> None:
    loaded = plans_of(own_folder)
    own = Development(lambda: loaded, own_folder, no_secrets, memory_store, env={}, processes=RunsHere())
    rewrite(own_folder / "flow.yaml", "config: {by: 2}", "config: {by: 5}")
    assert payload(await run(own, "add", mock({"n": 1}))) == {"n": 6, "note": ""}


async def test_a_preview_shows_what_templates_become_for_the_input(bench: Development) -> None:
    note = "{{ data.n + 1 }} of {{ loop }} ${LABEL:usual} {{ '${secret:TOKEN}' }}"
    shown = await bench.preview_config(
        LOOP, "add", {"by": 2}, {"by": "{{ data.absent }}", "note": note}, data=mock({"n": 4}, "rows")
    )
    assert shown.edit.config == {"by": "{{ data.absent }}", "note": note}
    assert shown.rendered[("note",)] == '"5 of flow.rows usual ***TOKEN***"'
    assert "'absent' is undefined" in shown.rendered[("by",)]
    back = await bench.preview_config(LOOP, "add", shown.edit.config, {"by": "x"}, [("note",)])
    assert back.edit.config == {"by": "{{ data.absent }}"}
    assert [error.path for error in back.edit.errors] == [("by",)]


async def test_a_preview_takes_the_input_that_the_node_would_run_with(bench: Development) -> None:
    changes = {"note": "{{ data.n }}/{{ data.by.right.later }}"}
    nothing = await bench.preview_config(LOOP, "join", {}, changes)
    assert "is undefined" in nothing.rendered[("note",)]
    await run_all(bench, "rows", "add", "left", "right")
    assert (await bench.preview_config(LOOP, "join", {}, changes)).rendered == {("note",): '"13/3"'}
    producer = await bench.preview_config(LOOP, "rows", {}, {"end": 5})
    assert (producer.edit.config, producer.rendered) == ({"end": 5}, {})


async def test_a_claimed_file_is_there_for_the_next_who_looks(tmp_path: Path, memory_store: DataStore) -> None:
    text = "nodes: {rows: {type: directory-watch, config: {path: inbox, read: json, settle: 0}}}"
    bench = developing(write_folder(tmp_path, {"flow.yaml": text}), memory_store)
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox" / "a.json").write_text('{"n": 1}')
    first, second = [await run(bench, "rows") for _ in range(2)]
    assert first.output is not None
    assert second.output is not None
    assert first.output.id == second.output.id
    assert second.output.payload["json"] == {"n": 1}
