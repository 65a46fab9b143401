"""`python`: a function of the user's as a node."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from flowtui.model.data import NodeData
from flowtui.nodes.base import BlockingNode, NodeConfig
from flowtui.nodes.functions import find_function, is_reference, load_function
from flowtui.nodes.hints import Fixed
from flowtui.nodes.modules import load_modules


class Python(BlockingNode):
    """Call a Python function with the item; what it returns is handed on.

    The function gets the payload, a dict of its own, and returns a mapping, or None to drop the item. It may be
    `async`. A loop whose function was edited is swapped like one whose node class was.
    """

    example = """
        count:
          type: python
          needs: incoming
          config: {function: "builtins:dict", arguments: {checked: true}}
    """
    function_setting = "function"

    class Config(NodeConfig):
        function: Annotated[str, Fixed("which code runs is not for an item to decide")] = Field(
            description="`module:name`; the module is a file of the folder's `nodes/` or an installed one."
        )
        arguments: dict[str, Any] = Field(default_factory=dict, description="More arguments, by their names.")
        takes: Literal["payload", "item"] = Field(
            default="payload", description="What comes first: the payload as a dict, or the item as NodeData."
        )

        @field_validator("function")
        @classmethod
        def _is_reference(cls, text: str) -> str:
            if not is_reference(text):
                raise ValueError("write it as module:name, like prices:add_total for nodes/prices.py")
            return text

    def setup(self) -> None:
        self._call = load_function(self.function) if self.function else None

    def execute(self, data: NodeData) -> Any:
        config = self.config
        if self._call is None:
            self._call = find_function(config.function, load_modules(self.folder)[0]).call
        return self._call(data if config.takes == "item" else data.payload, **config.arguments)
