"""Which node types a folder has, and that its revisions live side by side."""

from __future__ import annotations

import importlib
import inspect
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowtui.nodes.base import BaseNode
from flowtui.nodes.builtin import BUILTIN_TYPES
from flowtui.nodes.checks import node_classes
from flowtui.nodes.registry import Registry, built_in, discover

NODE = """
from flowtui import BlockingNode

class {name}(BlockingNode):
    def execute(self, data):
        return {{"answer": {answer}}}
"""


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / "nodes" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def answer(registry: Registry, name: str) -> Any:
    node: Any = registry.types[name].cls(None)
    return node.execute({})["answer"]


def test_an_empty_folder_has_the_built_in_types(tmp_path: Path) -> None:
    registry = discover(tmp_path)
    assert {*registry.types} == {*BUILTIN_TYPES}
    assert {"log", "queue-reader"} < {*registry.types}
    assert registry.problems == ()
    assert all(each.source is None and each.digest for each in registry.types.values())


def test_each_module_of_built_in_types_defines_those_that_are_listed_for_it() -> None:
    assert all(built_in(name).cls.type == name for name in BUILTIN_TYPES)
    for module in {*BUILTIN_TYPES.values()}:
        names = {cls.type for cls in node_classes(importlib.import_module(module))}
        assert names == {name for name, place in BUILTIN_TYPES.items() if place == module}


def test_a_built_in_type_is_imported_when_it_is_asked_for_and_not_before(tmp_path: Path) -> None:
    code = """if True:
        import sys
        from pathlib import Path
        from flowtui.nodes.registry import discover
        types = discover(Path(sys.argv[1])).types
        loaded = lambda: sorted(name for name in sys.modules if name.startswith("flowtui.nodes.builtin."))
        assert "log" in types and len(types) == len([*types]) and not loaded(), loaded()
        assert types["if"].cls.type == "if" and loaded() == ["flowtui.nodes.builtin.branches"], loaded()
    """
    subprocess.run([sys.executable, "-c", code, tmp_path], check=True, timeout=30)


def test_every_built_in_type_and_setting_is_described(tmp_path: Path) -> None:
    for node_type in discover(tmp_path).types.values():
        assert inspect.getdoc(node_type.cls)
        assert inspect.getdoc(node_type.cls) != inspect.getdoc(node_type.cls.__mro__[1])
        for name, field in node_type.cls.Config.model_fields.items():
            assert field.description, f"{node_type.name}.{name}"


def test_a_class_in_the_nodes_folder_is_a_type(tmp_path: Path) -> None:
    path = write(tmp_path, "checks.py", NODE.format(name="ValidateOrder", answer=1))
    found = discover(tmp_path).find("validate-order")
    assert found is not None
    assert found.source == path
    assert found.cls.__name__ == "ValidateOrder"


def test_only_public_concrete_classes_of_the_module_itself_count(tmp_path: Path) -> None:
    write(tmp_path, "base.py", NODE.format(name="Shared", answer=1))
    write(
        tmp_path,
        "more.py",
        "import abc\nfrom flowtui import BlockingNode, ProducerNode\nfrom .base import Shared\n"
        "class _Private(Shared): pass\nclass Child(Shared): pass\nAlias = Child\n"
        "class Bare(BlockingNode): pass\n"
        "class Abstract(BlockingNode, abc.ABC):\n    @abc.abstractmethod\n    def execute(self, data): ...\n",
    )
    registry = discover(tmp_path)
    assert registry.problems == ()
    own = {name for name, each in registry.types.items() if each.source}
    assert own == {"shared", "child"}
    assert registry.types["shared"].source == tmp_path / "nodes" / "base.py"
    assert registry.blocked("bare") == "class Bare in nodes/more.py:7 has no execute()"


def test_unchanged_sources_give_the_same_classes(tmp_path: Path) -> None:
    write(tmp_path, "a.py", NODE.format(name="One", answer=1))
    assert discover(tmp_path).types["one"] == discover(tmp_path).types["one"]


def test_a_save_within_one_clock_tick_and_of_equal_length_is_noticed(tmp_path: Path) -> None:
    path = write(tmp_path, "a.py", NODE.format(name="One", answer=1))
    before = path.stat()
    old = discover(tmp_path)
    path.write_text(NODE.format(name="One", answer=2))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    new = discover(tmp_path)
    assert (answer(old, "one"), answer(new, "one")) == (1, 2)
    assert old.types["one"].digest != new.types["one"].digest


def test_an_undone_change_gives_the_former_classes_back(tmp_path: Path) -> None:
    write(tmp_path, "a.py", NODE.format(name="One", answer=1))
    first = discover(tmp_path).types["one"]
    write(tmp_path, "a.py", NODE.format(name="One", answer=2))
    discover(tmp_path)
    write(tmp_path, "a.py", NODE.format(name="One", answer=1))
    assert discover(tmp_path).types["one"] == first


def test_a_change_alters_the_digest_only_of_types_that_use_the_file(tmp_path: Path) -> None:
    write(tmp_path, "shared.py", "FACTOR = 1\n")
    write(tmp_path, "middle.py", "from . import shared\n")
    write(tmp_path, "user.py", "from .middle import shared\n" + NODE.format(name="User", answer="shared.FACTOR"))
    write(tmp_path, "other.py", NODE.format(name="Other", answer=1))
    old = discover(tmp_path)
    write(tmp_path, "shared.py", "FACTOR = 2\n")
    new = discover(tmp_path)
    assert (answer(old, "user"), answer(new, "user")) == (1, 2)
    assert old.types["user"].digest != new.types["user"].digest
    assert old.types["other"] == new.types["other"]


def test_modules_that_an_edit_does_not_touch_are_not_run_again(tmp_path: Path) -> None:
    write(tmp_path, "shared.py", "STATE = []\n")
    write(tmp_path, "user.py", "from .shared import STATE\n" + NODE.format(name="User", answer="STATE"))
    write(tmp_path, "edited.py", "from . import shared\n" + NODE.format(name="Edited", answer="shared.STATE"))
    old = discover(tmp_path)
    write(tmp_path, "edited.py", "from . import shared\n\n" + NODE.format(name="Edited", answer="shared.STATE"))
    new = discover(tmp_path)
    assert old.types["user"] == new.types["user"]
    assert old.types["edited"] != new.types["edited"]
    assert answer(new, "edited") is answer(old, "user")


def test_a_package_that_runs_code_is_run_anew_as_a_whole(tmp_path: Path) -> None:
    write(tmp_path, "__init__.py", "STATE = []\n")
    write(tmp_path, "user.py", "from . import STATE\n" + NODE.format(name="User", answer="STATE"))
    write(tmp_path, "other.py", NODE.format(name="Other", answer=1))
    old = discover(tmp_path)
    write(tmp_path, "other.py", "from . import STATE\n" + NODE.format(name="Other", answer="STATE"))
    new = discover(tmp_path)
    assert answer(new, "other") is answer(new, "user")
    assert answer(new, "user") is not answer(old, "user")
    assert old.types["user"].digest == new.types["user"].digest


def test_an_old_revision_imports_its_own_siblings_even_after_they_changed(tmp_path: Path) -> None:
    write(tmp_path, "shared.py", "FACTOR = 1\n")
    text = "from flowtui import BlockingNode\nclass Late(BlockingNode):\n    def execute(self, data):\n"
    write(tmp_path, "late.py", text + "        from .shared import FACTOR\n        return {'answer': FACTOR}\n")
    old = discover(tmp_path)
    write(tmp_path, "shared.py", "FACTOR = 2\n")
    new = discover(tmp_path)
    assert (answer(new, "late"), answer(old, "late")) == (2, 1)


def test_packages_below_the_nodes_folder_can_be_imported(tmp_path: Path) -> None:
    write(tmp_path, "lib/deep/factors.py", "from ..top import TOP\nFACTOR = TOP + 1\n")
    write(tmp_path, "lib/top.py", "TOP = 1\n")
    write(tmp_path, "user.py", "from .lib.deep.factors import FACTOR\n" + NODE.format(name="User", answer="FACTOR"))
    old = discover(tmp_path)
    assert old.problems == ()
    assert answer(old, "user") == 2
    write(tmp_path, "lib/top.py", "TOP = 5\n")
    new = discover(tmp_path)
    assert answer(new, "user") == 6
    assert old.types["user"].digest != new.types["user"].digest


def test_two_folders_do_not_share_modules(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write(tmp_path / name, "a.py", NODE.format(name="Where", answer="__file__"))
    one, two = discover(tmp_path / "one"), discover(tmp_path / "two")
    assert answer(one, "where") == str(tmp_path / "one" / "nodes" / "a.py")
    assert answer(two, "where") == str(tmp_path / "two" / "nodes" / "a.py")


def test_nothing_is_written_into_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    write(tmp_path, "shared.py", "FACTOR = 1\n")
    write(tmp_path, "a.py", "from .shared import FACTOR\n" + NODE.format(name="One", answer=1))
    discover(tmp_path)
    assert sorted(path.name for path in (tmp_path / "nodes").rglob("*")) == ["a.py", "shared.py"]


def test_a_config_may_refer_to_names_of_its_module(tmp_path: Path) -> None:
    write(
        tmp_path,
        "a.py",
        "from __future__ import annotations\nfrom enum import Enum\nfrom flowtui import BlockingNode, NodeConfig\n"
        "class Colour(Enum):\n    RED = 'red'\n"
        "class Paint(BlockingNode):\n    class Config(NodeConfig):\n        colour: Colour\n"
        "    def execute(self, data): return data\n",
    )
    cls: type[BaseNode] = discover(tmp_path).types["paint"].cls
    assert cls.Config.model_validate({"colour": "red"}).model_dump(mode="json") == {"colour": "red"}


def test_hidden_files_and_other_suffixes_are_left_alone(tmp_path: Path) -> None:
    for name in (".#a.py", "a.py~", "a.pyc", "notes.txt", ".venv/lib.py", "__pycache__/x.py"):
        write(tmp_path, name, "raise RuntimeError\n")
    assert discover(tmp_path).problems == ()


def test_a_misspelt_name_is_met_with_the_closest_one(tmp_path: Path) -> None:
    registry = discover(tmp_path)
    assert registry.suggest("queue-wirter") == "queue-writer"
    assert registry.suggest("zzzzzz") is None
    assert registry.find("queue-wirter") is None
    assert registry.blocked("queue-wirter") is None
