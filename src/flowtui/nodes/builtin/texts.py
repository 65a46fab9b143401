"""Nodes that make something new of an item's fields: `template`, `transform`."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import BlockingNode, NodeConfig
from flowtui.nodes.builtin.output import as_text
from flowtui.nodes.hints import Fixed, MultiLine


class Template(BlockingNode):
    """Write a text about the item into a field of it.

    What is not text, such as `"{{ data.lines }}"` alone, is written as JSON.
    """

    example = """
        letter:
          type: template
          needs: incoming
          config:
            into: letter
            text: |
              Dear {{ data.name | default("customer") }},
              you ordered {{ data.lines | default([]) | length }} lines.
    """

    class Config(NodeConfig):
        text: Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": "string"}), MultiLine()] = Field(
            description='The text, with "{{ data.x }}" for fields, and {% if … %} and {% for … %} around parts.'
        )
        into: str = Field(default="text", min_length=1, description="The field that gets it; an old value is replaced.")

    async def execute(self, data: NodeData) -> NodeData:
        config = self.config
        return data | {config.into: config.text}


class Transform(BlockingNode):
    """Make a new payload of the old one by a JMESPath expression."""

    example: ClassVar = {"expression": "{id: id, total: sum(lines[].price)}"}

    class Config(NodeConfig):
        expression: Annotated[str, MultiLine(), Fixed("the payload is what the expression is about")] = Field(
            min_length=1, description="JMESPath, like `{id: id, prices: lines[?price > `10`].price}`; jmespath.org."
        )
        into: str = Field(
            default="", description="The field that gets the result; without it the result is the new payload."
        )

        @field_validator("expression")
        @classmethod
        def _compiles(cls, expression: str) -> str:
            try:
                jmespath.compile(expression)
            except JMESPathError as error:
                raise ValueError(f"it is no JMESPath: {' '.join(str(error).split())}") from None
            return expression

    def setup(self) -> None:
        self._search = jmespath.compile(self.config.expression).search

    async def execute(self, data: NodeData) -> NodeData | dict[str, Any]:
        config = self.config
        try:
            result = self._search(data.payload)
        except (JMESPathError, TypeError, ValueError, ArithmeticError) as error:
            text = " ".join(str(error).split())
            raise NodeError(f"{self.id}: {config.expression!r} does not work on this item: {text}") from error
        if config.into:
            return data | {config.into: result}
        if not isinstance(result, dict):
            found = "nothing (null)" if result is None else f"a {type(result).__name__}"
            raise NodeError(
                f"{self.id}: {config.expression!r} gave {found} and a payload must be an object: "
                "give `into`, the field for it, or write an expression like {name: …}"
            )
        return result
