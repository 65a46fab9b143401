"""What `flowtui new` writes: the text of nodes, workflows and their tests, and the names in it."""

from __future__ import annotations

import keyword
import re
from collections.abc import Sequence
from dataclasses import dataclass
from string import Template

import flowtui
from flowtui.model.states import NodeKind
from flowtui.nodes.base import BaseNode, ConditionalNode, ProducerNode, type_name

_NAME = re.compile(r"[^\W\d_][^\W_]*(?:[-_]+[^\W_]+)*")


class BadName(ValueError):
    """A text that cannot name a node or workflow; the error's text says why, and what could."""


@dataclass(frozen=True, slots=True)
class Names:
    """One name in the three ways in which it is written: `add-total`, `add_total`, `AddTotal`."""

    kebab: str
    snake: str
    camel: str

    @classmethod
    def of(cls, text: str) -> Names:
        """Return the names that a text means, in whichever way it is written.

        Raises:
            BadName: if it is none.
        """
        if not _NAME.fullmatch(text):
            better = "-".join(re.findall(r"[^\W_]+", text)).lstrip("0123456789-") or "my-own"
            raise BadName(f"{text!r} is no name: use letters, digits and '-', a letter first, such as {better!r}")
        words = [word for word in re.split("[-_]+", text) if word]
        camel = "".join(word[0].upper() + word[1:] for word in words)
        kebab = type_name(camel) if len(words) == 1 else "-".join(words).lower()
        snake = kebab.replace("-", "_")
        if keyword.iskeyword(snake) or keyword.iskeyword(camel):
            raise BadName(f"{text!r} is a keyword of Python: take another name, such as '{kebab}-node'")
        return cls(kebab, snake, camel)


def check_class(names: Names) -> None:
    """Refuse a class name that would hide one that nodes import.

    Raises:
        BadName: if it does.
    """
    if names.camel in {*flowtui.__all__, "Field"}:
        raise BadName(f"{names.camel} is what a node module imports: take another name, such as 'my-{names.kebab}'")


def node_text(names: Names, kind: NodeKind) -> str:
    """Return a module with a node of this kind, which needs no config and takes any item."""
    own = f'    type = "{names.kebab}"\n\n' if type_name(names.camel) != names.kebab else ""
    return Template(_NODES[kind]).substitute(type=names.kebab, cls=names.camel, own=own)


def node_test(names: Names, kind: NodeKind) -> str:
    """Return the test of what `node_text` gives, for a folder beside `nodes/`."""
    return Template(_NODE_TEST + _NODE_TESTS[kind]).substitute(type=names.kebab, cls=names.camel)


def workflow_text(name: str, types: Sequence[type[BaseNode]]) -> str:
    """Return a workflow of two loops: a producer, these types one behind the other, a queue, and what reads it.

    The first producer among `types` is the source; without any of them there is an example in its place.
    """
    producers = [cls for cls in types if issubclass(cls, ProducerNode)]
    chain = [cls for cls in types if cls not in producers]
    text = Template(_HEAD).substitute(name=name)
    if producers:
        last = producers[0].type
        text += Template(_OWN_SOURCE).substitute(type=last)
    else:
        last = "numbers"
        text += _NUMBERS
    for cls in chain:
        text += Template(_LINK).substitute(type=cls.type, needs=last)
        last = f"{cls.type}.{cls.ports_for({})[0]}" if issubclass(cls, ConditionalNode) else cls.type
    if not types:
        text += _EXAMPLE
        last = "big.yes"
    return text + Template(_TAIL).substitute(needs=last)


def workflow_test(name: str, types: Sequence[type[BaseNode]]) -> str:
    """Return the test of what `workflow_text` gives, for a folder beside the workflow."""
    has_own_source = any(issubclass(cls, ProducerNode) for cls in types)
    body = _EXAMPLE_TEST if not types else _OWN_SOURCE_TEST if has_own_source else _OWN_TEST
    return Template(_WORKFLOW_TEST + body).substitute(name=name)


_NODES = {
    NodeKind.BLOCKING: '''\
"""The node `$type`."""

from pydantic import Field

from flowtui import BlockingNode, NodeConfig, NodeData


class $cls(BlockingNode):
    """Write a label on the item. (Say here in one line what your node does.)"""

$own    class Config(NodeConfig):
        label: str = Field(default="seen", description="What to write on the item.")

    async def execute(self, data: NodeData) -> NodeData | None:
        self.log.info("labelled %s", self.config.label)
        return data | {"label": self.config.label}  # return None to drop the item here
''',
    NodeKind.NON_BLOCKING: '''\
"""The node `$type`."""

import asyncio

from pydantic import Field

from flowtui import Duration, NodeConfig, NodeData, NonBlockingNode


class $cls(NonBlockingNode):
    """Do something slow while the loop goes on. (Say here in one line what your node does.)"""

$own    class Config(NodeConfig):
        wait: Duration = Field(default=0.01, description="How long the slow part takes, like 500ms or 2s.")

    async def execute(self, data: NodeData) -> NodeData | None:
        await asyncio.sleep(self.config.wait)  # never time.sleep() in an async def: it stops all loops
        return data | {"waited": self.config.wait}  # return None to drop the item here
''',
    NodeKind.CONDITIONAL: '''\
"""The node `$type`."""

from pydantic import Field

from flowtui import ConditionalNode, NodeConfig, NodeData


class $cls(ConditionalNode):
    """Tell big numbers from small ones. (Say here in one line what your node decides.)"""

$own    ports = ("yes", "no")  # a workflow needs `$type.yes` or `$type.no`

    class Config(NodeConfig):
        least: float = Field(default=5, description="The smallest number that counts as big.")

    async def execute(self, data: NodeData) -> str:
        return "yes" if data.get("n", 0) >= self.config.least else "no"
''',
    NodeKind.PRODUCER: '''\
"""The node `$type`."""

from pydantic import Field

from flowtui import Exhausted, NodeConfig, ProducerNode


class $cls(ProducerNode):
    """Count to a number, once. (Say here in one line what your node gives.)"""

$own    class Config(NodeConfig):
        count: int = Field(default=10, ge=0, description="How many items there are.")

    def setup(self) -> None:
        self._next = self.cursor or 0  # where it was at the last stop; None at the very first start

    async def execute(self) -> dict[str, int]:
        if self._next >= self.config.count:
            raise Exhausted  # the loop completes; return None if there is only nothing now
        self._next += 1
        self.cursor = self._next  # any JSON, saved in one step with what comes of this item
        return {"n": self._next}
''',
}

_NODE_TEST = '''\
"""The node `$type`, run as flowtui runs it."""

from pathlib import Path

from flowtui.testing import load_node, run_node

$cls = load_node(Path(__file__).parents[1], "$type")


'''
_NODE_TESTS = {
    NodeKind.BLOCKING: """\
def test_it_writes_its_label_on_the_item() -> None:
    run = run_node($cls, {"n": 1}, config={"label": "item {{ data.n }}"})
    assert run.output == {"n": 1, "label": "item 1"}
    assert run.messages == ("labelled item 1",)
""",
    NodeKind.NON_BLOCKING: """\
def test_it_hands_the_item_on_when_it_has_waited() -> None:
    run = run_node($cls, {"n": 1}, config={"wait": "1ms"})
    assert run.output == {"n": 1, "waited": 0.001}
""",
    NodeKind.CONDITIONAL: """\
def test_it_takes_the_port_that_fits_the_number() -> None:
    assert run_node($cls, {"n": 5}).port == "yes"
    assert run_node($cls, {"n": 5}, config={"least": 6}).port == "no"
""",
    NodeKind.PRODUCER: """\
def test_it_counts_and_goes_on_at_its_cursor() -> None:
    run = run_node($cls, config={"count": 3}, take=2)
    assert run.items == ({"n": 1}, {"n": 2})
    run = run_node($cls, config={"count": 3}, cursor=run.cursor, take=2)
    assert run.items == ({"n": 3},)
    assert run.is_completed
""",
}

_HEAD = """\
name: $name
description: Say here in one line what it is for.

nodes:
"""
_NUMBERS = """\
  numbers: # a producer drives a loop, one item after the other
    type: sequence
    config: { count: 10 }
"""
_OWN_SOURCE = """\
  $type: # a producer drives a loop, one item after the other
    type: $type
"""
_LINK = """\
  $type:
    type: $type
    needs: $needs
"""
_EXAMPLE = """\
  big:
    type: if
    needs: numbers
    config: { when: "{{ data.n >= 5 }}" } # worked out for each item
"""
_TAIL = """\
  keep:
    type: queue-writer
    needs: $needs
    config: { queue: kept }

  kept: # another producer: a second loop, which reads the queue
    type: queue-reader
    config: { queue: kept }
  tell:
    type: log
    needs: kept
    config: { message: "kept {{ data.payload }}" }
"""
_WORKFLOW_TEST = '''\
"""The workflow `$name`, run as a whole over a store in memory."""

from pathlib import Path

from flowtui.testing import run_workflow

WORKFLOW = Path(__file__).parents[1] / "$name.yaml"


'''
_EXAMPLE_TEST = """\
def test_big_numbers_are_kept() -> None:
    run = run_workflow(WORKFLOW, {"numbers": [{"n": 4}, {"n": 5}]})
    assert run.queue("kept") == ({"n": 5},)
    assert run.dead_letters == ()
"""
_OWN_TEST = """\
def test_an_item_goes_through() -> None:
    run = run_workflow(WORKFLOW, {"numbers": [{"n": 7}]})
    assert run.dead_letters == ()
    assert len(run.queue("kept")) == 1
"""
_OWN_SOURCE_TEST = """\
def test_its_items_go_through() -> None:
    run = run_workflow(WORKFLOW)
    assert run.dead_letters == ()
    assert run.queue("kept")
"""
