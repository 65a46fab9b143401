"""How commands print what they found: as JSON, or as lines for people."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from flowtui.model.errors import Problem
from flowtui.model.printable import SHOWN


def print_found(out: TextIO, as_json: bool, told: Mapping[str, Any], lines: Sequence[str]) -> None:
    """Print one JSON object, or lines."""
    out.writelines(f"{line}\n" for line in ([json.dumps(told)] if as_json else lines))


def problem_as_dict(problem: Problem) -> dict[str, Any]:
    """Return a problem as JSON output has it."""
    return {
        "file": str(problem.path),
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity,
        "code": problem.code,
        "message": problem.message,
    }


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a table whose first row holds the titles; control characters are shown."""
    shown = [[cell.translate(SHOWN) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*shown, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in shown]


def counted(count: int, noun: str) -> str:
    """Return a number of things; the plural has an s."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def frames(traceback: str) -> list[str]:
    """Return the lines of a traceback of a node, as they stand below what has failed."""
    return [f"  {line}" for line in traceback.splitlines() if not line.startswith("Traceback (")]
