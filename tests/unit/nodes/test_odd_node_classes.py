"""Classes that authors write in other ways than README shows: they are types, or it is said why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.graph.folder import load_folder
from flowtui.model.errors import NodeError
from flowtui.nodes.base import type_name
from flowtui.nodes.registry import Registry, discover

IMPORTS = (
    "import abc\nfrom dataclasses import dataclass\nfrom flowtui import BlockingNode, NodeConfig, ProducerNode\n"  # 3
)
WORK = "    def execute(self, data): return data\n"


def nodes(folder: Path, **modules: str) -> Registry:
    """Write `name.py` for each module, a package for each name that begins with `package_`, and load them."""
    for name, text in modules.items():
        path = folder / "nodes" / (f"{name}/__init__.py" if name.startswith("package_") else f"{name}.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return discover(folder)


def messages(registry: Registry) -> list[str]:
    return [f"{each.path.name}:{each.line}: {each.message}" for each in registry.problems]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ValidateOrder", "validate-order"),
        ("HTTPPoll", "http-poll"),
        ("OAuth2Token", "o-auth2-token"),
        ("S3Upload", "s3-upload"),
        ("PollHTTP", "poll-http"),
        ("Foo_Bar", "foo-bar"),
        ("Trailing_", "trailing"),
        ("CaféNode", "café-node"),
        ("ÜberÄpfel", "über-äpfel"),
        ("X", "x"),
        ("lower", "lower"),
    ],
)
def test_a_type_is_the_class_name_in_kebab_case(name: str, expected: str) -> None:
    assert type_name(name) == expected


def test_configs_are_inherited_and_extended(tmp_path: Path) -> None:
    text = (
        f"class _Base(BlockingNode):\n    class Config(NodeConfig):\n        a: int = 1\n{WORK}"
        "class Same(_Base): pass\n"
        "class More(_Base):\n    class Config(_Base.Config):\n        b: int = 2\n"
        "class Elsewhere(NodeConfig):\n    c: int = 3\n"
        f"class Named(BlockingNode):\n    Config = Elsewhere\n{WORK}"
    )
    registry = nodes(tmp_path, a=IMPORTS + text)
    assert registry.problems == ()
    fields = {name: set(each.cls.Config.model_fields) for name, each in registry.types.items() if each.source}
    assert fields == {"same": {"a"}, "more": {"a", "b"}, "named": {"c"}}


def test_an_execute_may_come_from_a_mixin_and_an_abstract_class_is_completed(tmp_path: Path) -> None:
    text = (
        f"class Mixin:\n{WORK}class Mixed(Mixin, BlockingNode): pass\n"
        "class Middle(BlockingNode, abc.ABC):\n    @abc.abstractmethod\n    def work(self, data): ...\n"
        "    def execute(self, data): return self.work(data)\n"
        "class Whole(Middle):\n    def work(self, data): return data\n"
    )
    registry = nodes(tmp_path, a=IMPORTS + text)
    assert registry.problems == ()
    assert {name for name, each in registry.types.items() if each.source} == {"mixed", "whole"}
    assert registry.blocked("middle") == "class Middle in nodes/a.py:7 is abstract: it lacks work()"


@pytest.mark.parametrize(
    ("text", "type_", "why"),
    [
        (f"class _Mine(BlockingNode):\n{WORK}", "mine", "begins with an underscore, which keeps it private; rename it"),
        (f"class Mine:\n{WORK}", "mine", "has an execute() but extends no kind of node; extend one of ProducerNode, "),
        (f"class Mine(NodeConfig):\n{WORK}", "mine", "has an execute() but extends no kind of node; extend one of "),
        ("class Mine(BlockingNode):\n    def excute(self, data): ...\n", "mine", "has no execute() (but excute())"),
        ("class Mine(BlockingNode):\n    type = 'my/own'\n", "my/own", "has no execute()"),
    ],
)
def test_a_workflow_that_uses_a_class_which_is_no_type_learns_why(
    tmp_path: Path, text: str, type_: str, why: str
) -> None:
    registry = nodes(tmp_path, a=IMPORTS + text)
    assert registry.problems == ()  # it may be meant so
    path = tmp_path / "flow.yaml"
    path.write_text(f"nodes:\n  s: {{type: sequence, config: {{count: 1}}}}\n  m: {{type: {type_}, needs: s}}\n")
    (problem,) = load_folder(tmp_path, {}, registry).problems
    assert problem.line == 3
    assert f"Mine in nodes/a.py:4 {why}" in problem.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"@dataclass\nclass Mine(BlockingNode):\n    n: int = 1\n{WORK}", "a.py:5: Mine is a dataclass, which"),
        (
            f"class Mine(BlockingNode):\n    def __init__(self):\n        self.n = 0\n{WORK}",
            "a.py:5: Mine has an __init__() of its own, which flowtui can't call; declare settings in Config, and "
            "make what the node needs in setup()",
        ),
    ],
)
def test_a_class_that_flowtui_cannot_make_is_a_problem(tmp_path: Path, text: str, said: str) -> None:
    registry = nodes(tmp_path, a=IMPORTS + text)
    assert messages(registry)[0].startswith(said)
    assert registry.find("mine") is None


def test_an_init_that_hands_everything_on_is_allowed_and_finds_its_config(tmp_path: Path) -> None:
    text = (
        "class Mine(BlockingNode):\n    class Config(NodeConfig):\n        a: int = 1\n"
        f"    def __init__(self, *args, **options):\n        super().__init__(*args, **options)\n"
        f"        self.twice = 2 * self.config.a\n{WORK}"
    )
    registry = nodes(tmp_path, a=IMPORTS + text)
    cls = registry.types["mine"].cls
    assert cls(cls.Config(a=3)).twice == 6  # type: ignore[attr-defined, call-arg]


def test_a_config_that_is_read_too_early_says_so(tmp_path: Path) -> None:
    text = (
        "class Mine(BlockingNode):\n    def __init__(self, *args, **options):\n        print(self.config)\n"
        f"        super().__init__(*args, **options)\n{WORK}"
    )
    cls = nodes(tmp_path, a=IMPORTS + text).types["mine"].cls
    with pytest.raises(NodeError, match=r"Mine.__init__ reads self.config before it calls super\(\).__init__\(\)"):
        cls(cls.Config())


def test_modules_that_import_from_each_other_say_so(tmp_path: Path) -> None:
    registry = nodes(tmp_path, a="from .b import B\nA = 1\n", b="\nfrom .a import A\nB = 1\n")
    ring = "cannot be imported: modules here import from each other in a ring that ends at {}; move what they share"
    assert messages(registry) == [
        f"a.py:1: {ring.format('a.py')} into a third (in b.py:2)",
        f"b.py:2: {ring.format('b.py')} into a third (in a.py:1)",
    ]


def test_modules_may_import_each_other_as_modules(tmp_path: Path) -> None:
    one = "from . import {other}\n" + IMPORTS + "class {name}(BlockingNode):\n" + WORK
    registry = nodes(tmp_path, a=one.format(other="b", name="A"), b=one.format(other="a", name="B"))
    assert registry.problems == ()
    assert registry.find("a")
    assert registry.find("b")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("from package_lib import HELP", "from .package_lib import …"),
        ("import helpers", "from .helpers import …"),
        ("from nodes.helpers import HELP", "from .module import …"),
    ],
)
def test_a_sibling_that_is_imported_by_its_bare_name_gets_a_hint(tmp_path: Path, line: str, hint: str) -> None:
    registry = nodes(tmp_path, a=line, helpers="HELP = 1\n", package_lib="HELP = 1\n")
    (said,) = messages(registry)
    assert said.endswith(f"a module of this folder is imported as `{hint}`")


def test_dataclasses_and_packages_beside_nodes_work(tmp_path: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom .package_lib import HELP\n" + IMPORTS + "@dataclass(slots=True)\n"
        "class Line:\n    price: float\n"
        "class Total(BlockingNode):\n    def execute(self, data):\n        return {'t': HELP + Line(2.0).price}\n"
    )
    registry = nodes(tmp_path, a=text, package_lib=f"{IMPORTS}HELP = 1\nclass Inner(BlockingNode):\n{WORK}")
    assert registry.problems == ()
    assert {name for name, each in registry.types.items() if each.source} == {"total"}
