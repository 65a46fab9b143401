"""Packages that are really installed, as far as Python can tell, bring node types to every folder."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path

import pytest

import flowtui
from flowtui.engine.execute import is_ours
from flowtui.nodes.registry import Registry, discover
from flowtui.testing import load_node, run_node

NODE = "from flowtui import BlockingNode\nclass {name}(BlockingNode):\n    def execute(self, data): return {returns}\n"
_numbers = itertools.count()
Install = Callable[..., str]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Return a function that installs a package and returns its name.

    It is given its modules and its entry points, in both of which `PKG` stands for that name.
    """

    def put(modules: dict[str, str], *entry_points: str) -> str:
        name = f"acme_pkg_{next(_numbers)}"  # Python keeps what it has imported once
        site = tmp_path / f"site-{name}"
        for module, text in modules.items():
            path = site / name / f"{module}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.replace("PKG", name))
        info = site / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        lines = "\n".join(entry_points).replace("PKG", name)
        (info / "entry_points.txt").write_text(f"[flowtui.nodes]\n{lines}\n")
        monkeypatch.syspath_prepend(str(site))
        return name

    return put


def brought(registry: Registry, package: str) -> set[str]:
    return {name for name, each in registry.types.items() if each.cls.__module__.partition(".")[0] == package}


def test_a_package_exports_the_nodes_of_its_modules(install: Install, tmp_path: Path) -> None:
    package = install(
        {
            "__init__": "from .orders import Exported, BlockingNode\nfrom . import prices\n",
            "orders": NODE.format(name="Exported", returns="{'n': FACTOR}") + "from .prices import FACTOR\n",
            "prices": "FACTOR = 3\n" + NODE.format(name="Kept", returns="data"),
        },
        "all = PKG",
    )
    registry = discover(tmp_path)
    assert registry.problems == ()
    assert brought(registry, package) == {"exported"}
    assert registry.types["exported"].digest
    assert run_node(load_node(tmp_path, "exported"), {}).output == {"n": 3}


def test_modules_and_classes_may_be_named_side_by_side_and_a_class_twice(install: Install, tmp_path: Path) -> None:
    package = install(
        {
            "__init__": "",
            "a": NODE.format(name="AcmeA", returns="data"),
            "b": NODE.format(name="AcmeB", returns="data") + NODE.format(name="AcmeUnnamed", returns="data"),
        },
        "a = PKG.a",
        "again = PKG.a:AcmeA",
        "b = PKG.b:AcmeB",
    )
    registry = discover(tmp_path)
    assert registry.problems == ()
    assert brought(registry, package) == {"acme-a", "acme-b"}


@pytest.mark.parametrize(
    ("entry_point", "said"),
    [
        ("x = PKG", "(entry point 'x') has no node in its module 'PKG': define or import the classes there"),
        ("x = PKG:helper", "(entry point 'x') cannot be used: TypeError: it is neither a module nor a class"),
        ("x = PKG:NotThere", "(entry point 'x') cannot be used: AttributeError: "),
        ("x = PKG:Plain", "class Plain of the installed package 'PKG': class Plain must extend one of ProducerNode"),
        ("x = PKG:Bare", "class Bare of the installed package 'PKG': Bare must define execute(self, data)"),
    ],
)
def test_what_brings_no_node_is_a_warning_that_names_the_package(
    install: Install, tmp_path: Path, entry_point: str, said: str
) -> None:
    text = "from flowtui import BlockingNode\nclass Plain: ...\nclass Bare(BlockingNode): ...\ndef helper(): ...\n"
    package = install({"__init__": text}, entry_point)
    (problem,) = discover(tmp_path).problems
    assert f"the installed package '{package}'" in problem.message
    assert said.replace("PKG", package) in problem.message
    assert problem.severity == "warning"


def test_an_error_in_an_installed_node_is_told_with_its_place(install: Install, tmp_path: Path) -> None:
    install({"__init__": NODE.format(name="AcmeFails", returns="1 / 0")}, "x = PKG")
    run = run_node(load_node(tmp_path, "acme-fails"), {})
    assert run.report == "ZeroDivisionError: division by zero (__init__.py:3 in execute)"


def test_a_package_beside_flowtui_whose_name_begins_alike_is_not_taken_for_it() -> None:
    ours = Path(flowtui.__file__).parent
    assert is_ours(compile("1", str(ours / "x.py"), "exec"))
    assert not is_ours(compile("1", str(ours.with_name("flowtui_acme") / "x.py"), "exec"))
