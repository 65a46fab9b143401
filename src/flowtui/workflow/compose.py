"""The text of a YAML or JSON file → a tree of ruamel nodes, each with its place."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import FileMark, MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

TAG = "tag:yaml.org,2002:"

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTED = re.compile(r"""(?<![^\s\[{,:])(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')""")
_VALUE_START = re.compile(r"[^\s\[{,]*\Z")
_TEMPLATE_END = re.compile(r"}}[^\s,\]}]*")
_JSON_SPACE = re.compile(r"[ \t\n\r]*")
_NESTED_TOO_DEEP = "the file is nested too deeply: flatten it"


class TextError(Exception):
    """A file whose text cannot be read; line and column from 1."""

    def __init__(self, line: int, column: int, message: str, code: str) -> None:
        super().__init__(message)
        self.line = line
        self.column = column
        self.message = message
        self.code = code


def decode(data: bytes) -> str:
    """Return the text of a file.

    Raises:
        TextError: if it is no UTF-8 or holds control characters.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        line, column = _line_and_column(before, len(before))
        raise TextError(line, column, "this is no UTF-8 text: save the file as UTF-8", "not-text") from None
    found = _UNPRINTABLE.search(text)
    if found:
        line, column = _line_and_column(text, found.start())
        message = f"control character {ord(found[0]):#04x} in the file: remove it, or escape it inside double quotes"
        raise TextError(line, column, message, "not-text")
    return text


def compose_yaml(text: str) -> Node | None:
    """Return the root node of a YAML document, None if there is none.

    Raises:
        TextError: if the text is no YAML, or more than one document.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.composer.warn_double_anchors = False  # YAML allows it: the later one counts from there on
    try:
        root: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        _raise_yaml(error, text)
    except RecursionError:
        raise TextError(1, 1, _NESTED_TOO_DEEP, "not-yaml") from None
    except YAMLError as error:
        first_line = str(error).strip().partition("\n")[0]
        raise TextError(1, 1, f"this is no YAML: {first_line}", "not-yaml") from None
    return root


def compose_json(text: str) -> Node | None:
    """Return the root node of a JSON document, None if there is none.

    Raises:
        TextError: if the text is no JSON.
    """
    if not text.strip():
        return None
    try:
        json.loads(text, parse_constant=_refuse_constant)
        return _JsonComposer(text).value(0)[0]
    except json.JSONDecodeError as error:
        message = f"this is no JSON: {error.msg[:1].lower()}{error.msg[1:]}"
        raise TextError(error.lineno, error.colno, message, "not-json") from None
    except RecursionError:
        raise TextError(1, 1, _NESTED_TOO_DEEP, "not-json") from None
    except ValueError as error:
        raise TextError(1, 1, f"this is no JSON: {error}", "not-json") from None


def quoted_template(text: str) -> str:
    """Return a piece of YAML that begins with `{{` as it has to be written."""
    piece = " ".join(text.split())
    return f"'{piece}'" if '"' in piece else f'"{piece}"'


def _raise_yaml(error: MarkedYAMLError, text: str) -> NoReturn:
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    if mark is None:
        raise TextError(1, 1, f"this is no YAML: {error.problem}", "not-yaml") from None
    lines = text.splitlines()
    if context is not None and text.startswith("{{", context.index):
        _raise_unquoted(lines, context.line, context.column)
    column = _QUOTED.sub(lambda found: "_" * len(found[0]), _line_of(lines, mark.line)).find("{{")
    if column >= 0:
        _raise_unquoted(lines, mark.line, column)
    if context is not None and mark.index >= len(text.rstrip()):
        mark = context  # what was opened and never closed is of more use than the end of the file
    problem = str(error.problem).replace("'<stream end>'", "the end of the file")
    message = f"this is no YAML: {error.context + ', ' if error.context else ''}{problem}"
    if "'\\t'" in message:
        message = "this is no YAML: lines are indented with spaces, not with tabs"
    elif '"{{' in _line_of(lines, mark.line):
        message += ": inside a template in double quotes, write text in single quotes"
    elif error.problem == "mapping values are not allowed here":
        message += ": check the indentation, or quote a value that contains ': '"
    raise TextError(mark.line + 1, mark.column + 1, message, "not-yaml") from None


def _line_of(lines: list[str], line: int) -> str:
    """Return a line without its comment; the end of the file may stand behind the last one."""
    return lines[line].partition(" #")[0] if line < len(lines) else ""


def _raise_unquoted(lines: list[str], line: int, column: int) -> NoReturn:
    before = _VALUE_START.search(lines[line], 0, column)
    after = _TEMPLATE_END.search(lines[line], column)
    piece = lines[line][before.start() if before else column : after.end()] if after else "{{ … }}"
    raise TextError(
        line + 1,
        column + 1,
        f"a value with a template must be quoted as a whole, like {quoted_template(piece)}",
        "unquoted-template",
    ) from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    return text.count("\n", 0, index) + 1, index - text.rfind("\n", 0, index)


class _JsonComposer:
    """Walks over text that is known to be JSON and notes where everything stands."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]
        self._decoder = json.JSONDecoder()

    def value(self, at: int) -> tuple[Node, int]:
        at = self._skip(at)
        opening = self._text[at]
        if opening == "{":
            return self._mapping(at)
        if opening == "[":
            return self._sequence(at)
        return self._scalar(at)

    def _skip(self, at: int) -> int:
        found = _JSON_SPACE.match(self._text, at)
        return found.end() if found else at

    def _mark(self, at: int) -> FileMark:
        line = bisect_right(self._line_starts, at) - 1
        return FileMark("", at, line, at - self._line_starts[line])

    def _scalar(self, at: int) -> tuple[Node, int]:
        value, end = self._decoder.raw_decode(self._text, at)
        if isinstance(value, str):
            tag, text = "str", value
        else:
            text = self._text[at:end]
            tag = "null" if value is None else type(value).__name__
        return ScalarNode(TAG + tag, text, self._mark(at), style='"'), end

    def _mapping(self, start: int) -> tuple[Node, int]:
        pairs: list[tuple[Node, Node]] = []
        at = self._skip(start + 1)
        while self._text[at] != "}":
            key, at = self._scalar(self._skip(at + 1) if self._text[at] == "," else at)
            value, at = self.value(self._skip(at) + 1)
            pairs.append((key, value))
            at = self._skip(at)
        return MappingNode(TAG + "map", pairs, self._mark(start)), at + 1

    def _sequence(self, start: int) -> tuple[Node, int]:
        items: list[Any] = []
        at = self._skip(start + 1)
        while self._text[at] != "]":
            item, at = self.value(at + 1 if self._text[at] == "," else at)
            items.append(item)
            at = self._skip(at)
        return SequenceNode(TAG + "seq", items, self._mark(start)), at + 1
