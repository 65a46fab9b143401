"""JSON as a person reads and types it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, NoReturn

from flowtui.tui.cells import safe


@dataclass(frozen=True, slots=True)
class JsonFault:
    """Why a text is no JSON object; line and column count from 1, 0 if it is about all of it."""

    message: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}" if self.line else self.message


def as_text(value: Any) -> str:
    """Return JSON as it is edited and saved: indented, with letters of all scripts.

    What a terminal would obey, or has no sure width, is escaped.
    """
    text = json.dumps(value, indent=2, ensure_ascii=False)
    if text.isascii():
        return text
    return "".join(char if char == "\n" or safe(char) == char else json.dumps(char)[1:-1] for char in text)


def as_line(value: Any) -> str:
    """Return JSON on one line."""
    return json.dumps(value, ensure_ascii=False)


def read_object(text: str) -> dict[str, Any] | JsonFault:
    """Return the JSON object that a text stands for, or what is wrong with it."""
    try:
        value = json.loads(text, parse_constant=_refuse)
    except json.JSONDecodeError as error:
        return JsonFault(error.msg[:1].lower() + error.msg[1:], error.lineno, error.colno)
    except (ValueError, RecursionError) as error:
        deep = isinstance(error, RecursionError)
        return JsonFault("it is nested too deeply" if deep else str(error))
    if not isinstance(value, dict):
        return JsonFault('it must be a JSON object, such as {"n": 1}')
    return value


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON: use null, or a text")
