"""Test cases: what a node is expected to make of an input, kept beside the workflows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from flowtui.model.development import DevRun, NodeInput, Stored
from flowtui.model.errors import NotRepeatable
from flowtui.model.ids import workflow_of

#: In a workflow folder: where its cases are.
CASES_FOLDER = "tests"


@dataclass(frozen=True, slots=True)
class Expected:
    """What shall come of a run; at least one of the first three is said.

    Attributes:
        output: what the node hands on, None if it hands on nothing. Counts only if `has_output`.
        port: that a conditional chooses; empty if that is not asked.
        error: a part of `Type: text` of the failure; empty if it shall go well.
    """

    has_output: bool = False
    output: Mapping[str, Any] | None = None
    port: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class TestCase:
    """One run of one node, and what is expected of it.

    Attributes:
        name: says what holds, and is the only one of its kind among the cases of the workflow.
        config: settings that take the place of the file's; None takes one away, so that its default counts.
        input: the payload that the node takes; None for a producer, or if it is what `inputs` are merged to.
        inputs: of a join: the payload that each upstream gave.
        item: the item's id; empty if it does not matter.
        ignore: JSONPath queries; what they find in the output is not compared.
    """

    __test__: ClassVar[bool] = False  # pytest would take it for a class of tests

    name: str
    workflow: str
    node: str
    expect: Expected
    config: Mapping[str, Any] = field(default_factory=dict)
    input: Mapping[str, Any] | None = None
    inputs: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    item: str = ""
    ignore: tuple[str, ...] = ()

    def given(self, upstream: Sequence[str]) -> Stored | None:
        """Return what the node takes; of a join, whose `upstream` is in the order of the file, with all branches."""
        if self.input is None and not self.inputs:
            return None
        by = {need: Stored(dict(self.inputs[need])) for need in upstream if need in self.inputs}
        return Stored(dict(merged(by) if self.input is None else self.input), by, self.item)


def case_of(
    run: DevRun, name: str, written: Mapping[str, Any], upstream: Sequence[str] = (), ignore: Sequence[str] = ()
) -> TestCase:
    """Return the case that expects what a run has led to.

    Args:
        written: the config in the workflow file; the case holds what was tried in its place.
        upstream: the nodes whose outputs the node takes, in the order of the file.
        ignore: what is not to be compared.

    Raises:
        NotRepeatable: if the run cannot be repeated, since not all of it was kept.
    """
    if run.cut:
        raise NotRepeatable(f"the {run.cut[0]} of this run was too big to be kept, so it makes no test case")
    if run.failure is not None:
        expect = Expected(error=": ".join(filter(None, (run.failure.error, run.failure.message))))
    else:
        expect = Expected(True, None if run.output is None else run.output.payload, run.port)
    given = _taken(run.inputs, upstream)
    by = {need: each.payload for need, each in given.by.items()} if given else {}
    has_own = given is not None and (not by or given.payload != merged(given.by))
    return TestCase(
        name,
        workflow_of(run.loop),
        run.node,
        expect,
        config=_changed(written, run.config),
        input=given.payload if given is not None and has_own else None,
        inputs=by,
        item=given.id if given is not None else "",
        ignore=tuple(ignore),
    )


def merged(by: Mapping[str, Stored]) -> dict[str, Any]:
    """Return the payload that a join gets of its live branches, which stand in the order of its needs."""
    return {key: value for branch in by.values() for key, value in branch.payload.items()}


def _taken(inputs: Sequence[NodeInput], upstream: Sequence[str]) -> Stored | None:
    if len(inputs) == 1 and (len(upstream) == 1 or not inputs[0].upstream):
        return inputs[0].data
    by = {need: each.data for need in upstream for each in inputs if each.upstream == need}
    return Stored(merged(by), by, next((each.id for each in by.values() if each.id), "")) if by else None


def _changed(written: Mapping[str, Any], tried: Mapping[str, Any]) -> dict[str, Any]:
    keys = [key for key in {**written, **tried} if (key in written, written.get(key)) != (key in tried, tried.get(key))]
    return {key: tried.get(key) for key in keys}
