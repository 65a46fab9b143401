"""Test cases of nodes: the files in which they are kept, read with their places and added to.

```yaml
# workflows/tests/orders.yaml
cases:
  - name: an order gets its total
    workflow: orders                  # default: the file's name
    node: check
    config: {currency: EUR}           # settings in place of those of the workflow file; null takes one away
    input: {id: 4711, lines: []}      # or `inputs:` with what each upstream of a join gave
    id: order-1                       # of the item, if it matters
    expect:                           # one or more of
      output: {id: 4711, total: 0}    #   null if it hands on nothing
      port: "no"                      #   of a conditional
      error: ValueError               #   a part of `ValueError: order has no lines`
    ignore: [checked_at, "$..sku"]    # JSONPath: what is not compared in the output
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from flowtui.model.cases import CASES_FOLDER, Expected, TestCase
from flowtui.model.errors import Problem, in_file_order
from flowtui.workflow.field_faults import Model, Strict, describe, label, unknown_field
from flowtui.workflow.ignored import query_fault
from flowtui.workflow.source import KeyPath, Kind, Source, parse_source, read_source

_KIND = Kind("a file of test cases", "cases", "case")
_CASE_FILE = re.compile(r"[^.#].*\.ya?ml", re.IGNORECASE | re.DOTALL)
_ADDED = {
    "cases": "it, with at least one case",
    "name": "it, so that one can tell the cases apart",
    "node": "it: the id of the node that is run",
    "expect": "it, like 'expect: {output: {…}}'",
}
T = TypeVar("T", bound=Strict)
_Text = Annotated[str, Field(min_length=1)]


class _ExpectDoc(Strict):
    """What is expected; an `output` without value is one that is not handed on."""

    where: ClassVar[str] = "'expect'"
    output: dict[str, Any] | None = None
    port: str = ""
    error: str = ""


class _CaseDoc(Model):
    where: ClassVar[str] = "a case"
    name: _Text
    workflow: _Text | None = None
    node: _Text
    config: dict[str, Any] = Field(default={})
    input: dict[str, Any] | None = None
    inputs: dict[str, dict[str, Any]] | None = None
    id: str = ""
    expect: _ExpectDoc
    ignore: list[str] = Field(default=[])


class _FileDoc(Model):
    where: ClassVar[str] = "a file of test cases"
    cases: list[Any]


@dataclass(frozen=True, slots=True)
class PlacedCase:
    """A case and the place of it in its file; `line` from 1."""

    case: TestCase
    line: int
    _source: Source
    _path: KeyPath

    @property
    def file(self) -> Path:
        return self._source.path

    def problem(self, path: KeyPath, message: str, code: str) -> Problem:
        """Return a problem with what stands at a path of the case."""
        return self._source.problem((*self._path, *path), message, code)


def case_files(folder: Path) -> tuple[Path, ...]:
    """Return the files of test cases of a workflow folder, in the order of their names; none if there are none."""
    place = folder / CASES_FOLDER
    if not place.is_dir():
        return ()
    entries = sorted(place.iterdir(), key=lambda path: path.name)
    return tuple(path for path in entries if _CASE_FILE.fullmatch(path.name) and not path.is_dir())


def load_cases(path: Path) -> tuple[tuple[PlacedCase, ...], tuple[Problem, ...]]:
    """Read one file of test cases; return those that are sound, and everything that is wrong."""
    source, problems = read_source(path, _KIND)
    return _cases(source, problems)


def parse_cases(path: Path, data: bytes) -> tuple[tuple[PlacedCase, ...], tuple[Problem, ...]]:
    """As `load_cases`, of the content of a file."""
    source, problems = parse_source(path, data, _KIND)
    return _cases(source, problems)


def _cases(source: Source | None, problems: tuple[Problem, ...]) -> tuple[tuple[PlacedCase, ...], tuple[Problem, ...]]:
    if source is None:
        return (), problems
    reading = _Reading(source)
    reading.part(_FileDoc, source.value, ())
    values = source.value.get("cases")
    cases = [reading.case(index, value) for index, value in enumerate(values if isinstance(values, list) else ())]
    found = in_file_order((*problems, *reading.problems))
    return tuple(case for case in cases if case is not None), found


class _Reading:
    """What is made of one file, and all that is wrong with it."""

    def __init__(self, source: Source) -> None:
        self.problems: list[Problem] = []
        self._source = source
        self._names: dict[tuple[str, str], int] = {}

    def part(self, model: type[T], value: Any, at: KeyPath) -> T | None:
        """Return what stands at a path as a part of the document, None if anything is wrong with it."""
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for details in error.errors(include_url=False):
                self._take(details, at)
            return None

    def case(self, index: int, value: Any) -> PlacedCase | None:
        at: KeyPath = ("cases", index)
        doc = self.part(_CaseDoc, value, at)
        if doc is None or self._source.is_damaged(at):
            return None
        case = _case(doc, self._source.path.stem)
        placed = PlacedCase(case, self._source.place(at)[0], self._source, at)
        before = len(self.problems)
        self._check(doc, placed)
        return placed if len(self.problems) == before else None

    def _check(self, doc: _CaseDoc, placed: PlacedCase) -> None:
        case = placed.case
        first = self._names.setdefault((case.workflow, case.name), placed.line)
        if first != placed.line:
            self.problems.append(placed.problem(("name",), f"line {first} has a case of this name", "duplicate-case"))
        if not doc.expect.model_fields_set:
            message = "nothing is expected: add 'output', 'port' or 'error'"
            self.problems.append(placed.problem(("expect",), message, "bad-case"))
        if case.expect.error and (case.expect.has_output or case.expect.port):
            message = "a run that fails has neither output nor port: expect the one or the other"
            self.problems.append(placed.problem(("expect", "error"), message, "bad-case"))
        for index, path in enumerate(case.ignore):
            fault = query_fault(path)
            if fault:
                message = f"{path!r} is no JSONPath query: {fault}"
                self.problems.append(placed.problem(("ignore", index), message, "bad-case"))

    def _take(self, details: ErrorDetails, at: KeyPath) -> None:
        path: KeyPath = (*at, *details["loc"])
        if details["type"] == "extra_forbidden":
            model = _ExpectDoc if path[-2:-1] == ("expect",) else _CaseDoc if at else _FileDoc
            message, code = unknown_field(str(path[-1]), model.where, model), "unknown-field"
            self.problems.append(self._source.problem(path, message, code, key=True))
        elif not self._source.is_damaged(path):
            self.problems.append(self._source.problem(path, *describe(details, label(path), _ADDED)))


def _case(doc: _CaseDoc, stem: str) -> TestCase:
    expect = doc.expect
    expected = Expected("output" in expect.model_fields_set, expect.output, expect.port, expect.error)
    return TestCase(
        doc.name,
        doc.workflow or stem,
        doc.node,
        expected,
        config=doc.config,
        input=doc.input,
        inputs=doc.inputs or {},
        item=doc.id,
        ignore=tuple(doc.ignore),
    )
