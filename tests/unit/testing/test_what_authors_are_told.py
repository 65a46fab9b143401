"""What authors get wrong is told in one line: what happened, in which line of their file, and what to do."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable
from datetime import date
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from flowtui import BlockingNode, ConditionalNode, Exhausted, NodeConfig, NodeData, ProducerNode
from flowtui.graph.folder import load_folder
from flowtui.model.data import why_no_json
from flowtui.nodes.base import BaseNode
from flowtui.nodes.checks import hands_on_nothing
from flowtui.testing import run_node, run_workflow

HERE = Path(__file__).name


class ReturnsList(BlockingNode):
    async def execute(self, data: NodeData) -> Any:
        return [data]


class YieldsList(ProducerNode):
    async def execute(self) -> Any:
        return [{"n": 1}]


class ReturnsBool(ConditionalNode):
    async def execute(self, data: NodeData) -> Any:
        return True


class SetsItem(BlockingNode):
    async def execute(self, data: Any) -> Any:
        data["n"] = 1


class ReadsAttribute(BlockingNode):
    async def execute(self, data: Any) -> Any:
        return {"n": data.number}


class MisspellsSetting(BlockingNode):
    class Config(NodeConfig):
        label: str = ""

    async def execute(self, data: NodeData) -> Any:
        return {"n": self.config.lable}


class ExhaustedInside(BlockingNode):
    async def execute(self, data: NodeData) -> Any:
        raise Exhausted


class NextAtItsEnd(ProducerNode):
    def execute(self) -> Any:
        return next(iter([]))


class BadCursor(ProducerNode):
    async def execute(self) -> Any:
        self.cursor = {"seen": {1}}
        return {"n": 1}


class BreaksInLibrary(BlockingNode):
    async def execute(self, data: NodeData) -> Any:
        return json.loads("{")


class BreaksInSetup(BlockingNode):
    def setup(self) -> None:
        raise OSError("no such port")

    async def execute(self, data: NodeData) -> Any:
        return data


class ConfigInInit(BlockingNode):
    def __init__(self, *args: Any, **options: Any) -> None:
        print(self.config)
        super().__init__(*args, **options)

    async def execute(self, data: NodeData) -> Any:
        return data


def line_of(method: Callable[..., Any], text: str) -> int:
    lines, first = inspect.getsourcelines(method)
    return first + next(index for index, line in enumerate(lines) if text in line)


@pytest.mark.parametrize(
    ("cls", "method", "at", "said"),
    [
        (ReturnsList, "execute", "def", "returned list; return a mapping, NodeData, or None to drop the item"),
        (YieldsList, "execute", "def", "returned list; return one item, as a mapping or NodeData, or None if there is"),
        (ReturnsBool, "execute", "def", "returned bool; return a port's name ('no' or 'yes'), or (port, mapping)"),
        (SetsItem, "execute", "data[", "an item can't be changed, other branches see it too: return data | {'n': …}"),
        (ReadsAttribute, "execute", "number", "no attribute 'number'; its fields are read as data['number']"),
        (MisspellsSetting, "execute", "lable", "'Config' object has no attribute 'lable'"),
        (ExhaustedInside, "execute", "raise", "only the execute() of a producer may raise this, to complete its loop"),
        (NextAtItsEnd, "execute", "next", "a plain function raised StopIteration, as next() does at its end: catch it"),
        (BadCursor, "execute", "def", "self.cursor['seen'] is of type set; make it a text, a number, a list or a dict"),
        (BreaksInLibrary, "execute", "loads", "JSONDecodeError: Expecting property name"),
        (BreaksInSetup, "setup", "raise", "OSError: no such port"),
        (ConfigInInit, "__init__", "print", "reads self.config before it calls super().__init__(); read it in setup()"),
    ],
)
def test_a_mistake_is_told_with_its_place(cls: type[BaseNode], method: str, at: str, said: str) -> None:
    report = run_node(cls, None if issubclass(cls, ProducerNode) else {}).report
    assert said in report
    assert f"{HERE}:{line_of(getattr(cls, method), at)}" in report
    assert "\n" not in report


def test_of_a_chain_of_errors_only_the_authors_frames_are_shown() -> None:
    run = run_node(NextAtItsEnd)
    shown = [line for line in run.traceback.splitlines() if line.startswith("  File ")]
    assert HERE in shown[0]
    assert len([line for line in shown if HERE in line]) == 1
    assert not any("threading" in line or "futures" in line for line in shown)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ({"a": [1, {"b": date(2026, 1, 1)}]}, "data['a'][1]['b'] is of type date; make it a text, a number"),
        ({"a": math.nan}, "data['a'] is nan; make it"),
        ({"a": {(1, 2): 3}}, "the key (1, 2) of data['a'] is of type tuple; make it"),
        ({"a": (1, "b", None, True, 2.5)}, ""),
    ],
)
def test_what_json_has_no_form_for_is_found(value: object, why: str) -> None:
    assert why_no_json(value, "data").startswith(why)
    assert bool(why_no_json(value, "data")) == bool(why)


async def test_a_forgotten_await_is_found() -> None:
    async def work() -> None: ...

    forgotten = work()
    assert why_no_json({"a": forgotten}, "data") == (
        "data['a'] is a coroutine; an `await` is missing before the call that made it"
    )
    await forgotten


def test_a_value_that_holds_itself_is_no_reason_to_fail() -> None:
    value: list[object] = []
    value.append(value)
    assert why_no_json(value, "data") == ""


@pytest.mark.parametrize(
    ("body", "nothing"),
    [
        ("data | {}", True),
        ("return", True),
        ("if data: return\n    data | {}", True),
        ("def inner(): return 1\n    inner()", True),
        ("return data", False),
        ("if data: return data", False),
        ("return data and None", False),
        ("return data if data else None", False),
        ("raise ValueError", False),
        ("while True: pass", False),
    ],
)
@pytest.mark.parametrize("how", ["def", "async def"])
def test_an_execute_that_never_returns_anything_is_seen(body: str, nothing: bool, how: str) -> None:
    space: dict[str, Any] = {}
    exec(f"{how} execute(self, data):\n    {body}\n", space)
    cls = type("Mine", (BlockingNode,), {"execute": space["execute"]})
    assert hands_on_nothing(cls) == (1 if nothing else 0)


MODULE = """
    from flowtui import BlockingNode, ConditionalNode, ProducerNode
    class Forgets(BlockingNode):
        async def execute(self, data):
            data | {"n": 1}
    class ForgetsPort(ConditionalNode):
        def execute(self, data):
            "yes"
    class ForgetsItem(ProducerNode):
        def execute(self):
            {"n": 1}
"""


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (
            "{s: {type: sequence, config: {count: 1}}, x: {type: forgets, needs: s}, l: {type: log, needs: x}}",
            "nothing ever comes from 'x' to 'l': execute() of 'forgets' (any.py:4) never returns anything; end it with",
        ),
        (
            "{s: {type: sequence, config: {count: 1}}, x: {type: forgets-port, needs: s}, "
            "l: {type: log, needs: x.yes}, m: {type: log, needs: x.no}}",
            "from 'x' to 'l': execute() of 'forgets-port' (any.py:7) never returns anything; return a port's name",
        ),
        ("{x: {type: forgets-item}, l: {type: log, needs: x}}", "(any.py:10) never returns anything; return an item"),
    ],
)
def test_a_node_that_forgets_to_return_is_a_warning_where_another_needs_it(
    tmp_path: Path, file: str, said: str
) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "any.py").write_text(dedent(MODULE))
    path = tmp_path / "flow.yaml"
    path.write_text(f"nodes: {file}\n")
    loaded = load_folder(tmp_path, {})
    (problem,) = loaded.problems
    assert said in problem.message
    assert (problem.code, problem.severity, problem.line) == ("no-return", "warning", 1)
    assert len(loaded.workflows) == 1
    path.write_text("nodes: {s: {type: sequence, config: {count: 1}}, x: {type: forgets, needs: s}}\n")
    assert load_folder(tmp_path, {}).problems == ()  # the end of a chain needs to return nothing


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("def execute(data): ...", 4, "Mine must define execute(self, data), not execute(data)"),
        ("async def setup(self, url): ...", 4, "Mine must define setup(self), without other arguments"),
        ("def teardown(): ...", 4, "Mine must define teardown(self), without other arguments"),
        ("async def execute(self, data):\n        yield data", 4, "must return one item, not `yield` many"),
    ],
)
def test_a_method_with_wrong_arguments_is_found_before_anything_runs(
    tmp_path: Path, text: str, line: int, said: str
) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "any.py").write_text(
        f"from flowtui import BlockingNode\nclass Mine(BlockingNode):\n    x = 1\n    {text}\n"
        + ("" if "execute" in text else "    def execute(self, data): return data\n")
    )
    (tmp_path / "flow.yaml").write_text("nodes: {s: {type: sequence, config: {count: 1}}}\n")
    (problem,) = load_folder(tmp_path, {}).problems
    assert said in problem.message
    assert (problem.path.name, problem.line) == ("any.py", line)


def test_a_loop_that_cannot_start_and_an_item_that_cannot_be_written_say_where_and_why(tmp_path: Path) -> None:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "any.py").write_text(
        "import datetime\nfrom flowtui import BlockingNode\n"
        "class Opens(BlockingNode):\n    def setup(self): open('/nowhere/x')\n"
        "    def execute(self, data): return data\n"
        "class Dates(BlockingNode):\n    def execute(self, data): return {'at': datetime.date.today()}\n"
    )
    path = tmp_path / "flow.yaml"
    path.write_text(
        "nodes:\n  a: {type: sequence, config: {count: 1}}\n  opens: {type: opens, needs: a}\n"
        "  b: {type: sequence, config: {count: 1}}\n  dates: {type: dates, needs: b}\n"
        "  write: {type: queue-writer, needs: dates, config: {queue: /out}}\n"
    )
    run = run_workflow(path)
    assert run.loop("a").reason == (
        "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/x' (any.py:4 in setup)"
    )
    assert run.dead_letters[0].message == (
        "write cannot write the item to /out: its payload is no JSON: data['at'] is of type date; "
        "make it a text, a number, a list or a dict"
    )
