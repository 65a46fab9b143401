"""The example of every built-in type runs as it stands, and one is made up for types without."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from flowtui import BlockingNode, Choices, Duration, NodeConfig, ProducerNode
from flowtui.graph.folder import load_folder
from flowtui.nodes.base import BaseNode
from flowtui.nodes.described import description, example, made_up_config, summary
from flowtui.nodes.registry import NodeType, discover

BUILT_IN = discover(Path("nowhere")).types


def type_of(cls: type[BaseNode]) -> NodeType:
    return NodeType(cls.type, cls, None, "")


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_the_example_of_a_built_in_type_is_a_sound_workflow(name: str, tmp_path: Path) -> None:
    text = example(BUILT_IN[name])
    assert f"type: {name}\n" in text
    start = "nodes:\n" + ("  incoming: {type: sequence, config: {count: 1}}\n" if "incoming" in text else "")
    (tmp_path / "flow.yaml").write_text(start + indent(text, "  "))
    assert BUILT_IN[name].cls.example
    assert [str(each) for each in load_folder(tmp_path, {}).problems] == []


class Address(BaseModel):
    street: str
    number: int = 1


class Demanding(BlockingNode):
    class Config(NodeConfig):
        country: Annotated[str, Choices(["A", "B"])]
        state: Annotated[str, Choices(lambda country: [f"{country}1"], of="country")]
        size: int = Field(ge=3)
        share: float = Field(gt=0, lt=1)
        below: int = Field(lt=-2)
        wait: Duration
        flag: bool
        names: list[str]
        by_name: dict[str, int]
        address: Address
        lines: list[Address]
        token: SecretStr
        anything: Any
        more: str = "more"
        none: str | None = None

    async def execute(self, data: Any) -> Any:
        return data


def test_a_made_up_config_fits_the_class() -> None:
    config = made_up_config(type_of(Demanding))
    assert (config["state"], config["wait"], config["more"]) == ("A1", "1s", "more")
    assert "none" not in config
    assert Demanding.Config.model_validate(config)
    text = example(type_of(Demanding))
    assert text.startswith("demanding:\n  type: demanding\n  needs: incoming\n  config:\n    country: A\n")


def test_a_config_as_example_is_shown_as_yaml() -> None:
    class Short(ProducerNode):
        example = {"every": "2s"}  # noqa: RUF012 - as authors write it

    assert example(type_of(Short)) == "short:\n  type: short\n  config:\n    every: 2s"


def test_a_class_is_described_by_its_own_words_or_those_of_the_authors_base() -> None:
    class Bare(BlockingNode):
        async def execute(self, data: Any) -> Any: ...

    class Based(Bare):
        """Do it, e.g. now. Or

        later."""

    class Child(Based):
        pass

    assert (description(Bare), summary(Bare)) == ("", "")
    assert description(Child) == "Do it, e.g. now. Or\n\nlater."
    assert summary(Child) == "Do it, e.g. now"
