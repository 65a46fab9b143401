"""What an author extends: the four kinds of node and `NodeConfig`."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from enum import IntEnum
from pathlib import Path
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.model.states import NodeKind, Outcome


class Pool(IntEnum):
    """Where a loop runs; of several demands the highest wins."""

    ASYNCIO = 1
    THREAD = 2
    PROCESS = 3

    @property
    def label(self) -> str:
        return self.name.lower()


class Exhausted(Exception):
    """Raised by a producer's `execute` when nothing will ever come again: the loop completes."""

    def __str__(self) -> str:
        return super().__str__() or "only the execute() of a producer may raise this, to complete its loop"


class NodeConfig(BaseModel):
    """Base of every node's `Config`: unknown fields are refused, values do not change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


#: The config of the item at hand, for nodes whose config holds templates; None if there is no item.
rendered_config: ContextVar[NodeConfig | None] = ContextVar("rendered_config", default=None)


def type_name(class_name: str) -> str:
    """Return the type name of a class that declares none: that of `ValidateOrder` is `validate-order`.

    A word begins at each capital behind anything else, and at the last of several capitals: `HTTPPoll` is `http-poll`.
    """
    words = ""
    for before, char, after in zip(f" {class_name}", class_name, f"{class_name[1:]} ", strict=False):
        if char.isupper() and (before.islower() or before.isdigit() or (before.isupper() and after.islower())):
            words += "-"
        words += char
    return "-".join(filter(None, words.replace("_", "-").lower().split("-")))


class BaseNode:
    """What all kinds share. Authors extend one of the four kinds, never this.

    An instance serves many items at the same time: keep per-item values in local variables.

    Attributes:
        kind: set by the four kinds.
        type: name in workflow files; the kebab-case of the class name unless given.
        pool: the least pool that this node can run in.
        example: what `flowtui nodes TYPE` shows: a config, or a piece of the `nodes:` of a workflow as YAML text, whose
            first consumer needs a node `incoming`. Made from required settings and defaults unless given.
        function_setting: the setting that names a function, as `module:name` or `module:Class.name`, whose code the
            node runs, so that it is looked for at load and is part of the revision; empty if there is none.
        function: where that function is found, for `load_function`; empty outside an engine.
        id, loop: this node's id in its workflow, and its loop's id.
        folder: the workflow folder; paths in a config are relative to it, see `path`.
        log: a logger whose lines are shown under this loop and node.
    """

    kind: ClassVar[NodeKind]
    type: ClassVar[str] = ""
    pool: ClassVar[Pool] = Pool.ASYNCIO
    example: ClassVar[str | Mapping[str, Any]] = ""
    function_setting: ClassVar[str] = ""
    function: str = ""

    class Config(NodeConfig):
        """Settings; empty unless the node declares its own."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "type" not in cls.__dict__:
            cls.type = type_name(cls.__name__)

    def __init__(self, config: NodeConfig | None, *, id: str = "", loop: str = "", folder: Path = Path()) -> None:
        """Make a node; `config` is None if it holds templates, so that it exists only for each item."""
        self._static_config = config
        self.id = id
        self.loop = loop
        self.folder = folder
        self.log = logging.getLogger(f"node.{loop}.{id}" if id else "node")

    @property
    def config(self) -> Any:
        """The validated `Config`, with templates rendered for the item at hand.

        Raises:
            NodeError: if it holds templates and no item is at hand, as in `setup`.
        """
        try:
            static = self._static_config
        except AttributeError:
            raise NodeError(
                f"{type(self).__name__}.__init__ reads self.config before it calls super().__init__(); "
                "read it in setup() or execute()"
            ) from None
        if static is not None:
            return static
        rendered = rendered_config.get()
        if rendered is None:
            raise NodeError("the config holds templates, so it can be read only in execute(), for one item")
        return rendered

    def path(self, text: str) -> Path:
        """Return the path that a config means: relative to the workflow folder, `~` is the user's home."""
        return self.folder / Path(text).expanduser()

    def setup(self) -> Any:
        """Open what the node needs, once before its first item; may be `async`."""

    def teardown(self) -> Any:
        """Close it again, once after the last item, also after a failed `setup`; may be `async`."""


class ProducerNode(BaseNode):
    """Drives a loop: yields one item at a time.

    Attributes:
        replicable: whether several tracks may run it at once.
        cursor: a JSON value that is saved with the outputs of the item it belongs to, and given back before
            `setup` at the next start; None at the very first. One that `setup` sets is saved before the first item.
        waiting: why there is nothing now, as people shall read it; it counts whenever `execute` returns None.
    """

    kind = NodeKind.PRODUCER
    replicable: ClassVar[bool] = False
    cursor: Any = None
    waiting: str = ""

    def execute(self) -> Any:
        """Return the next item as a mapping or `NodeData`, or None if there is nothing now; may be `async`.

        `Unreadable` stands for input that it can make no item of, which becomes a dead letter.

        It is cancelled at an `await` when the loop stops: take an item and return it without awaiting in between.

        Raises:
            Exhausted: to complete the loop.
        """
        raise NotImplementedError(f"{type(self).__name__} has no execute()")

    def ended(self, id: str, outcome: Outcome) -> None:
        """Learn what became of an item, once for each that this instance has made, in the order in which it made them.

        A plain `def` that is called on the loop's event loop, so it must not wait. Only from here on may the source
        forget the item. It is not called for dead letters that are replayed.
        """

    def halted(self, halted: bool) -> None:
        """Learn that the loop begins nothing more, since it is paused or about to end, or that it goes on.

        A plain `def` that is called on the loop's event loop, so it must not wait. An item that `execute` returns
        nevertheless is held while the loop is paused.
        """


class _ConsumerNode(BaseNode):
    def execute(self, data: NodeData) -> Any:
        """Work on one item; may be `async`. Returns a mapping or `NodeData`, or None to drop the item here."""
        raise NotImplementedError(f"{type(self).__name__} has no execute()")


class BlockingNode(_ConsumerNode):
    """Works on an item while the iteration waits."""

    kind = NodeKind.BLOCKING


class NonBlockingNode(_ConsumerNode):
    """Works on an item while the loop goes on with the next one."""

    kind = NodeKind.NON_BLOCKING


class ConditionalNode(_ConsumerNode):
    """Chooses one of its `ports`: `execute` returns the port's name, or `(port, mapping)`."""

    kind = NodeKind.CONDITIONAL
    ports: ClassVar[tuple[str, ...]] = ("yes", "no")

    @classmethod
    def ports_for(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the ports that a node with this raw config has; `ports` unless the config decides."""
        return cls.ports
