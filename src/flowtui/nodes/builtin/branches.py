"""Nodes that choose a branch: `if`, `switch`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator

from flowtui.model.data import NodeData
from flowtui.nodes.base import ConditionalNode, NodeConfig

_TEXTS = {
    "true": True,
    "yes": True,
    "on": True,
    "1": True,
    "false": False,
    "no": False,
    "off": False,
    "0": False,
    "": False,
}
_PORT = re.compile(r"[A-Za-z0-9_-]+")
DEFAULT_PORT = "default"


def truth(value: object) -> bool:
    """Return whether a condition holds.

    Text must be true, yes, on, 1, false, no, off, 0 or empty. Everything else counts as in Python: 0, None and what
    is empty are false.

    Raises:
        ValueError: for any other text, which almost always is a comparison that was never worked out.
    """
    if not isinstance(value, str):
        return bool(value)
    answer = _TEXTS.get(value.strip().lower())
    if answer is None:
        shown = value if len(value) <= 60 else value[:59] + "…"
        raise ValueError(
            f"the text {shown!r} is neither yes nor no; put a whole comparison into one template, "
            'like "{{ data.total > 1000 }}"'
        )
    return answer


class If(ConditionalNode):
    """Take the branch `yes` or `no`."""

    ports = ("yes", "no")
    example = """
        big:
          type: if
          needs: incoming
          config: {when: "{{ data.total > 1000 }}"}
        tell:
          type: log
          needs: big.yes
    """

    class Config(NodeConfig):
        when: Annotated[bool, BeforeValidator(truth), WithJsonSchema({})] = Field(
            description='The condition, like "{{ data.total > 1000 }}". Text counts only if it is true, yes, on, 1, '
            "false, no, off, 0 or empty; 0, null and empty lists are false."
        )

    async def execute(self, data: NodeData) -> str:
        return "yes" if self.config.when else "no"


class Switch(ConditionalNode):
    """Take the branch whose case equals the value, else the branch `default`."""

    ports = (DEFAULT_PORT,)
    example = """
        by-country:
          type: switch
          needs: incoming
          config:
            value: "{{ data.country }}"
            cases: {home: DE, abroad: FR}
        post:
          type: log
          needs: [by-country.home, by-country.default]
    """

    class Config(NodeConfig):
        value: Any = Field(description='What to look at, like "{{ data.country }}".')
        cases: dict[str, Any] = Field(
            min_length=1,
            description="For each branch the value that leads to it; of equal ones the first. Text equals text and "
            "numbers equal numbers: 1 is not the text 1, nor is it true.",
        )

        @field_validator("cases")
        @classmethod
        def _check_ports(cls, cases: dict[str, Any]) -> dict[str, Any]:
            for port in cases:
                if port == DEFAULT_PORT:
                    raise ValueError(f"a case can't be called {DEFAULT_PORT!r}: that branch is for all other values")
                if not _PORT.fullmatch(port):
                    raise ValueError(f"the branch name {port!r} may hold only letters, digits, _ and -")
            return cases

    @classmethod
    def ports_for(cls, config: Mapping[str, Any]) -> tuple[str, ...]:
        cases = config.get("cases")
        return (*(str(port) for port in cases), DEFAULT_PORT) if isinstance(cases, Mapping) else cls.ports

    async def execute(self, data: NodeData) -> str:
        value = self.config.value
        for port, case in self.config.cases.items():
            if case == value and isinstance(case, bool) == isinstance(value, bool):
                return str(port)
        return DEFAULT_PORT
