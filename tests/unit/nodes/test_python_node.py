"""`python`: how its function is found, called, and counted as code."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from flowtui.graph.folder import LoadedFolder, load_folder
from flowtui.graph.packed_plan import pack, unpack
from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.builtin.functions import Python
from flowtui.nodes.functions import find_function, load_function
from node_at_work import at_work, faults

PRICES = """
    from .rates import RATE

    class Shop:
        @staticmethod
        async def total(order):
            return {**order, "total": order["price"] * RATE}

    def priced(order, by=1):
        order["price"] *= by
        return order

    def whole(item):
        return item | {"id": item.id}

    def broken(order):
        return order["missing"]

    NUMBER = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "prices.py").write_text(dedent(PRICES))
    (tmp_path / "nodes" / "rates.py").write_text("RATE = 3\n")
    return tmp_path


def loaded(folder: Path, function: str) -> LoadedFolder:
    text = f"""
    nodes:
      incoming: {{type: sequence, config: {{count: 1}}}}
      price:
        type: python
        needs: incoming
        config: {{function: "{function}"}}
    """
    (folder / "flow.yaml").write_text(dedent(text))
    return load_folder(folder, {})


@pytest.mark.parametrize(
    ("config", "result"),
    [
        ({"function": "prices:priced"}, {"price": 2}),
        ({"function": "prices:priced", "arguments": {"by": "{{ data.price + 1 }}"}}, {"price": 6}),
        ({"function": "prices:Shop.total"}, {"price": 2, "total": 6}),
        ({"function": "prices:whole", "takes": "item"}, {"price": 2, "id": "item-1"}),
        ({"function": "copy:copy"}, {"price": 2}),
    ],
)
async def test_a_function_gets_the_item(config: Any, result: Any, folder: Path) -> None:
    payload = {"price": 2}
    async with at_work(Python, config, folder) as node:
        assert await node.run(payload) == result
    assert payload == {"price": 2}


async def test_an_error_of_the_function_is_the_nodes(folder: Path) -> None:
    async with at_work(Python, {"function": "prices:broken"}, folder) as node:
        with pytest.raises(KeyError, match="missing"):
            await node.run({})
    async with at_work(Python, {"function": "prices:priced", "arguments": {"x": 1}}, folder) as node:
        with pytest.raises(TypeError, match="unexpected keyword argument 'x'"):
            await node.run({})


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("prices:pricd", "nodes/prices.py has no function 'pricd' (did you mean 'priced'?)"),
        ("prices:NUMBER", "'NUMBER' in nodes/prices.py is no function but a value of type int"),
        ("prises:priced", "neither nodes/prises.py nor an installed module 'prises' (did you mean 'prices'?)"),
        ("json:dumpz", "json has no function 'dumpz' (did you mean 'dump"),
        ("bad:total", "nodes/bad.py cannot be imported"),
        ("prices", "write it as module:name, like prices:add_total"),
        ("{{ data.x }}", "can't hold a template: which code runs is not for an item to decide"),
    ],
)
def test_a_function_that_cannot_be_used_is_a_problem_with_its_place(function: str, message: str, folder: Path) -> None:
    (folder / "nodes" / "bad.py").write_text("import os\nraise RuntimeError('no')\n")
    problems = [str(each) for each in loaded(folder, function).problems]
    here = [each for each in problems if "flow.yaml:7:" in each]
    assert len(here) == 1
    assert message in here[0]
    assert any("nodes/bad.py:2:1: cannot be imported: RuntimeError: no" in each for each in problems)


def test_an_installed_module_that_fails_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing_package.py").write_text("x = 1\nimport no_such_thing\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(
        NodeError, match=r"'failing_package' cannot be imported: .*no_such_thing' \(failing_package.py:2\)"
    ):
        find_function("failing_package:x", ())


def test_an_edit_of_the_function_or_of_what_its_module_imports_is_a_new_revision(folder: Path) -> None:
    revisions = [loaded(folder, "prices:priced").workflows[0].revision]
    for name, text in (
        ("other.py", "x = 1\n"),
        ("rates.py", "RATE = 4\n"),
        ("prices.py", "def priced(order): return {}\n"),
    ):
        (folder / "nodes" / name).write_text(text)
        revisions.append(loaded(folder, "prices:priced").workflows[0].revision)
    assert revisions[0] == revisions[1]
    assert len({*revisions}) == 3


async def test_another_process_calls_the_function_that_was_loaded_whatever_the_disk_holds(folder: Path) -> None:
    (plan,) = loaded(folder, "prices:Shop.total").workflows[0].plans
    packed = pack(plan)
    assert len(packed.revisions) == 1
    (folder / "nodes" / "rates.py").write_text("RATE = 100\n")
    node = unpack(packed).nodes[1]
    assert node.type == plan.nodes[1].type
    assert await load_function(node.type.function)(NodeData({"price": 1})) == {"price": 1, "total": 3}


def test_only_a_reference_is_taken() -> None:
    assert faults(Python, {"function": "os.system('x')"})["function"].startswith("write it as module:name")
