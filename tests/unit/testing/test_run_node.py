"""`run_node` runs a node as a loop in production does, and tells what has come of it."""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from flowtui import (
    BlockingNode,
    ConditionalNode,
    Exhausted,
    NodeConfig,
    NodeData,
    NonBlockingNode,
    Outcome,
    ProducerNode,
)
from flowtui.model.errors import NodeError, TemplateError, TimedOut
from flowtui.nodes.builtin.queues import QueueWriter
from flowtui.testing import load_node, run_node, run_node_async


class AddTotal(BlockingNode):
    """Adds up lines."""

    class Config(NodeConfig):
        min_total: float = 0.0
        note: str = ""

    async def execute(self, data: NodeData) -> NodeData | None:
        total = sum(line["price"] for line in data["lines"])
        if total < self.config.min_total:
            return None
        self.log.info("total is %.2f", total)
        print("printed")
        return data | {"total": total, "note": self.config.note}


class Plain(NonBlockingNode):
    """A plain function."""

    def execute(self, data: NodeData) -> Mapping[str, Any]:
        return {"thread": threading.current_thread().name, "id": data.id}


class IsBig(ConditionalNode):
    """Two ports."""

    ports = ("big", "small")

    async def execute(self, data: NodeData) -> str | tuple[str, Mapping[str, Any]]:
        return ("big", {"n": 0}) if data["n"] > 10 else data.get("port", "small")


class Rows(ProducerNode):
    """Counts to `end`, with a cursor; has nothing now at a `gap`."""

    class Config(NodeConfig):
        end: int = 3
        gap: int = 0

    def setup(self) -> None:
        self.n = self.cursor["n"] if self.cursor else 0

    def execute(self) -> Mapping[str, Any] | None:
        if self.n == self.config.end:
            raise Exhausted
        self.n += 1
        if self.n == self.config.gap:
            return None
        self.cursor = {"n": self.n, "seen": (self.n,)}
        return {"n": self.n}


class Life(BlockingNode):
    """Notes what is called; fails where its config says."""

    calls: list[str] = []  # noqa: RUF012 - tests look at it

    class Config(NodeConfig):
        fails: str = ""

    def _at(self, place: str) -> None:
        self.calls.append(place)
        if self.config.fails == place:
            raise ValueError(f"broken {place}")

    def setup(self) -> None:
        self._at("setup")

    async def execute(self, data: NodeData) -> NodeData:
        self._at("execute")
        return data

    async def teardown(self) -> None:
        self._at("teardown")


LINES = {"lines": [{"price": 1.5}, {"price": 2.5}]}


def test_the_output_holds_what_the_node_adds_and_keeps_the_id() -> None:
    run = run_node(AddTotal, NodeData(LINES, "o-1"))
    assert run.output == NodeData({**LINES, "total": 4.0, "note": ""}, "o-1")
    assert (run.error, run.report, run.traceback, run.port, run.items) == (None, "", "", None, ())


def test_templates_are_rendered_for_the_item() -> None:
    run = run_node(AddTotal, LINES, config={"note": "{{ data.lines | length }} lines", "min_total": "{{ 2 + 2 }}"})
    assert run.output is not None
    assert run.output["note"] == "2 lines"


def test_a_dropped_item_has_no_output_and_no_error() -> None:
    run = run_node(AddTotal, LINES, config={"min_total": 5})
    assert (run.output, run.error) == (None, None)


def test_what_is_logged_and_printed_is_kept_with_its_level_and_shown_by_pytest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = run_node(AddTotal, LINES)
    assert run.messages == ("total is 4.00", "printed")
    assert {(line.node, line.item, line.level) for line in run.logs} == {("add-total", "item-1", logging.INFO)}
    assert "info    test add-total               total is 4.00\n" in capsys.readouterr().out


def test_a_plain_function_runs_on_a_thread() -> None:
    output = run_node(Plain, {}).output
    assert output is not None
    assert output["thread"] != threading.current_thread().name
    assert output["id"] == "item-1"


def test_the_error_of_a_node_is_kept_and_told_as_in_log_and_dead_letter() -> None:
    run = run_node(AddTotal, {"lines": [{}]})
    assert isinstance(run.error, KeyError)
    line = AddTotal.execute.__code__.co_firstlineno + 1
    assert run.report == f"KeyError: 'price' (test_run_node.py:{line} in <genexpr>)"
    assert run.messages == (run.report,)
    assert run.logs[0].level == logging.ERROR
    assert run.traceback.splitlines()[1].endswith(f'test_run_node.py", line {line}, in execute')


@pytest.mark.parametrize("part", ["output", "port", "items"])
def test_whoever_looks_at_a_result_that_is_not_there_gets_the_nodes_own_error(part: str) -> None:
    run = run_node(AddTotal, {})
    with pytest.raises(KeyError, match="lines"):
        getattr(run, part)


@pytest.mark.parametrize(
    ("data", "port", "output"),
    [({"n": 11}, "big", {"n": 0}), ({"n": 1}, "small", {"n": 1})],
)
def test_a_conditional_has_a_port(data: dict[str, int], port: str, output: dict[str, int]) -> None:
    run = run_node(IsBig, data)
    assert (run.port, run.output) == (port, output)


def test_a_wrong_port_is_the_error_that_a_loop_reports() -> None:
    run = run_node(IsBig, {"n": 1, "port": "bgi"})
    line = IsBig.execute.__code__.co_firstlineno
    assert run.report == (
        f"NodeError: is-big (is-big, test_run_node.py:{line}) chose port 'bgi'; its ports are big, small"
    )


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"min_totl": 1}, "config.min_totl: unknown setting 'min_totl' (did you mean 'min_total'?)"),
        ({"min_total": "much"}, "config.min_total: it should be a valid number"),
        ({"note": "{{ data. }}"}, "config.note: "),
    ],
)
def test_a_config_that_does_not_fit_is_the_error(config: dict[str, Any], said: str) -> None:
    run = run_node(AddTotal, LINES, config=config)
    assert isinstance(run.error, NodeError)
    assert said in run.report


def test_a_template_that_misses_its_variable_is_the_error() -> None:
    run = run_node(AddTotal, LINES, config={"note": "{{ data.nothing }}"})
    assert isinstance(run.error, TemplateError)
    assert "config.note: 'nothing' is undefined in data (it has: lines)" in run.report


def test_a_producer_takes_no_template() -> None:
    assert "a producer's config can't hold a template" in run_node(Rows, config={"end": "{{ 3 }}"}).report


def test_a_producer_gives_as_many_items_as_are_asked_for() -> None:
    run = run_node(Rows, take=2)
    assert run.items == ({"n": 1}, {"n": 2})
    assert run.output == {"n": 2}
    assert not run.is_completed


def test_a_producer_goes_on_at_a_cursor_and_completes() -> None:
    run = run_node(Rows, cursor={"n": 1}, take=99)
    assert run.items == ({"n": 2}, {"n": 3})
    assert run.is_completed
    assert run.cursor == {"n": 3, "seen": [3]}  # as JSON gives it back


def test_a_producer_that_has_nothing_now_is_not_asked_again() -> None:
    run = run_node(Rows, config={"gap": 2}, take=3)
    assert run.items == ({"n": 1},)
    assert run.cursor == {"n": 1, "seen": [1]}


def test_a_producer_learns_what_became_of_its_items() -> None:
    told = []

    class Learns(Rows):
        def ended(self, id: str, outcome: Outcome) -> None:
            told.append((id, outcome))

    run = run_node(Learns, take=2, outcome=Outcome.DEAD)
    assert told == [(item.id, Outcome.DEAD) for item in run.items]


def test_a_producer_that_fails_is_not_asked_again() -> None:
    class Broken(ProducerNode):
        asked = 0

        def execute(self) -> list[int]:
            Broken.asked += 1
            return [1]

    run = run_node(Broken, take=3)
    assert run.report.startswith("NodeError: broken (broken, test_run_node.py:")
    assert "returned list; return one item, as a mapping" in run.report
    assert Broken.asked == 1


@pytest.mark.parametrize(
    ("fails", "calls"),
    [
        ("", ["setup", "execute", "teardown"]),
        ("setup", ["setup", "teardown"]),
        ("execute", ["setup", "execute", "teardown"]),
    ],
)
def test_setup_and_teardown_frame_the_run_whatever_fails(fails: str, calls: list[str]) -> None:
    Life.calls.clear()
    run = run_node(Life, {}, config={"fails": fails})
    assert Life.calls == calls
    assert bool(run.error) == bool(fails)
    assert f"broken {fails}" in run.report or not fails


def test_a_teardown_that_fails_is_logged_as_in_a_loop() -> None:
    run = run_node(Life, {}, config={"fails": "teardown"})
    assert run.output == {}
    assert run.messages[0].startswith("teardown of test.life failed: ValueError: broken teardown (test_run_node.py:")


def test_a_run_ends_after_its_time_and_is_torn_down() -> None:
    class Waits(Life):
        async def execute(self, data: NodeData) -> NodeData:
            await asyncio.Event().wait()
            return data

    Life.calls.clear()
    run = run_node(Waits, {}, within=0.02)
    assert isinstance(run.error, TimedOut)
    assert str(run.error) == "waits took longer than the 0.02 s that it is given"
    assert Life.calls == ["setup", "teardown"]


def test_an_exit_or_a_cancellation_from_inside_is_the_nodes_error() -> None:
    class Exits(BlockingNode):
        async def execute(self, data: NodeData) -> None:
            if data["how"] == "exit":
                sys.exit(3)
            raise asyncio.CancelledError

    assert isinstance(run_node(Exits, {"how": "exit"}).error, SystemExit)
    assert run_node(Exits, {"how": "cancel"}).report == "NodeError: exits was cancelled from inside"


def test_paths_are_relative_to_the_folder(tmp_path: Path) -> None:
    class Reads(BlockingNode):
        def execute(self, data: NodeData) -> Mapping[str, Any]:
            return {"text": self.path("a.txt").read_text()}

    (tmp_path / "a.txt").write_text("found")
    assert run_node(Reads, {}, folder=tmp_path).output == {"text": "found"}


def test_nothing_of_a_run_stays_behind(capsys: pytest.CaptureFixture[str]) -> None:
    before = (sys.stdout, sys.stderr, logging.getLogger().handlers[:], logging.getLogger().level)
    run_node(AddTotal, LINES)
    assert (sys.stdout, sys.stderr, logging.getLogger().handlers, logging.getLogger().level) == before


async def test_in_async_code_it_is_awaited_and_may_use_the_event_loop_of_the_test() -> None:
    release = asyncio.Event()

    class Waits(BlockingNode):
        async def execute(self, data: NodeData) -> NodeData:
            await release.wait()
            return data

    asyncio.get_running_loop().call_soon(release.set)
    assert (await run_node_async(Waits, {"n": 1})).output == {"n": 1}
    assert asyncio.get_running_loop().get_task_factory() is None
    with pytest.raises(RuntimeError, match="await run_node_async"):
        run_node(Waits, {"n": 1})


@pytest.mark.parametrize(
    ("node", "data", "error", "said"),
    [
        ("add-total", {}, TypeError, "a node class is wanted, not 'add-total'; load_node"),
        (AddTotal, [1], TypeError, "an item is a mapping, not list"),
        (Rows, {}, TypeError, "Rows is a producer, which makes items itself: leave out the item"),
        (NodeConfig, {}, NodeError, "class NodeConfig must extend one of"),
        (BlockingNode, {}, NodeError, "BlockingNode must define execute"),
    ],
)
def test_what_cannot_be_run_is_refused(node: Any, data: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        run_node(node, data)


def test_a_queue_node_needs_a_whole_workflow() -> None:
    assert "works only inside an engine" in run_node(QueueWriter, {}).report


def test_a_class_is_found_by_its_type_as_a_workflow_finds_it(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "factors.py").write_text("FACTOR = 3\n")
    (tmp_path / "nodes" / "any.py").write_text(
        "from flowtui import BlockingNode\nfrom .factors import FACTOR\n"
        "class Triple(BlockingNode):\n    def execute(self, data): return {'n': FACTOR * data['n']}\n"
    )
    assert run_node(load_node(tmp_path, "triple"), {"n": 2}).output == {"n": 6}
    assert run_node(load_node(tmp_path, "if"), {"n": 2}, config={"when": "{{ data.n > 1 }}"}).port == "yes"
    with pytest.raises(NodeError, match=r"has no node type 'tripel' \(did you mean 'triple'\?\)"):
        load_node(tmp_path, "tripel")


def test_a_type_that_cannot_be_used_says_why_and_where(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    path = tmp_path / "nodes" / "any.py"
    path.write_text("import nowhere\nfrom flowtui import BlockingNode\nclass Mine(BlockingNode): ...\n")
    with pytest.raises(NodeError) as caught:
        load_node(tmp_path, "mine")
    assert str(caught.value).splitlines() == [
        "node type 'mine' can't be used: nodes/any.py cannot be imported",
        f"{path}:1:1: cannot be imported: ModuleNotFoundError: No module named 'nowhere'; "
        f"install it for the Python that runs flowtui ({sys.executable}) [node-import]",
    ]


def test_what_a_producer_finds_unreadable_is_an_error_with_its_reason(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"n": 1}\n{broken\n')
    run = run_node(load_node(tmp_path, "json-lines"), config={"path": "a.jsonl"}, folder=tmp_path, take=2)
    assert isinstance(run.error, NodeError)
    assert f"{tmp_path}/a.jsonl:2 is no JSON" in run.report
