"""What the app and a process that runs nodes under test tell each other, through a socket that only these two hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from flowtui.engine.processes import Surroundings
from flowtui.graph.packed_plan import PackedPlan
from flowtui.model.development import NodeFailure, Stored


@dataclass(frozen=True, slots=True)
class Hello:
    """The first message to the process; `log_level` is a `logging` level."""

    surroundings: Surroundings
    log_level: int


@dataclass(frozen=True, slots=True)
class Task:
    """One node to run once.

    Attributes:
        plan: of a loop with this node only; its pool is where the node runs.
        secrets: that its config refers to.
        item: None for a producer.
        cursor: of a producer.
    """

    plan: PackedPlan
    secrets: dict[str, str] = field(repr=False)
    item: Stored | None
    trace: str = ""
    cursor: Any = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The answer to a task: if the process ends before it, nothing of the node has run."""


@dataclass(frozen=True, slots=True)
class Result:
    """What has come of a task; as `DevRun` has it.

    Attributes:
        is_whole: whether `output` is all that the node handed on; else it may not be an input.
        is_clean: whether the process may run another task.
    """

    ms: float | None = None
    output: Stored | None = None
    port: str = ""
    note: str = ""
    failure: NodeFailure | None = None
    is_whole: bool = True
    is_clean: bool = True
