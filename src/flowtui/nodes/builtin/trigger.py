"""`trigger`: a workflow that runs once each time somebody asks for it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from flowtui.model.errors import NodeError
from flowtui.nodes.base import NodeConfig, ProducerNode
from flowtui.nodes.inputs import Input


class Trigger(ProducerNode):
    """Make one item each time a person asks for it, with `flowtui trigger` or the key T: one run of the workflow.

    The item holds the inputs. It waits in a queue of its own, so a run that was asked for outlives stops and crashes;
    its id is that of the run, whose progress and result are kept for a day.
    """

    replicable = True
    example = """
        ask:
          type: trigger
          config:
            inputs:
              city: {type: choice, choices: [Berlin, Rome], required: true}
              days: {type: integer, default: 3, help: How far to look ahead.}
              notes: {type: text, multi_line: true}
        answer:
          type: log
          needs: ask
          config: {message: "{{ data.days }} days in {{ data.city }}"}
    """

    class Config(NodeConfig):
        inputs: dict[Annotated[str, Field(min_length=1)], Input] = Field(
            default_factory=dict,
            description="What a person is asked for, by name; without any, a run takes any JSON object.",
        )

    async def execute(self) -> None:
        raise NodeError("a trigger works only inside an engine, which keeps what was asked for in a queue")
