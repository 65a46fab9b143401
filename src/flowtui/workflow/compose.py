"""The text of a YAML or JSON file → a tree of ruamel nodes, each with its place."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Any, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import FileMark, MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from flowtui.workflow.yaml_faults import lines_of, yaml_fault

TAG = "tag:yaml.org,2002:"

#: Where an alias begins and ends, by the `id` of the collection that it stands in: for each of its nodes in turn, of a
#: mapping for key, value, key, value; None where there is no alias.
Aliases = dict[int, list[tuple[int, int] | None]]

#: All that YAML calls unprintable. (All but the printable would be the same, but `re` goes through those one by one.)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
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
    return _compose(YAML(typ="safe", pure=True), text)


def compose_with_aliases(text: str) -> tuple[Node | None, Aliases]:
    """Return the root node as `compose_yaml` does, and where the aliases stand of which the tree shows the targets.

    Raises:
        TextError: if the text is no YAML, or more than one document.
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _NotingComposer
    root = _compose(yaml, text)
    return root, yaml.composer.aliases


class _NotingComposer(Composer):
    """Notes for every node in which places of its parent an alias stands."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.aliases: Aliases = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        is_alias = isinstance(event, AliasEvent)
        span = (event.start_mark.index, event.end_mark.index) if is_alias else None
        self.aliases.setdefault(id(parent), []).append(span)
        return super().compose_node(parent, index)


def _compose(yaml: YAML, text: str) -> Node | None:
    yaml.composer.warn_double_anchors = False  # YAML allows it: the later one counts from there on
    try:
        root: Node | None = yaml.compose(text)
    except MarkedYAMLError as error:
        fault = yaml_fault(error, text)
        raise TextError(fault.line + 1, fault.column + 1, fault.message, fault.code) from None
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


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON value")


def _line_and_column(text: str, index: int) -> tuple[int, int]:
    lines = lines_of(text[:index])
    return len(lines), len(lines[-1]) + 1


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
        return ScalarNode(TAG + tag, text, self._mark(at), self._mark(end), style='"'), end

    def _mapping(self, start: int) -> tuple[Node, int]:
        pairs: list[tuple[Node, Node]] = []
        at = self._skip(start + 1)
        while self._text[at] != "}":
            key, at = self._scalar(self._skip(at + 1) if self._text[at] == "," else at)
            value, at = self.value(self._skip(at) + 1)
            pairs.append((key, value))
            at = self._skip(at)
        return MappingNode(TAG + "map", pairs, self._mark(start), self._mark(at + 1), flow_style=True), at + 1

    def _sequence(self, start: int) -> tuple[Node, int]:
        items: list[Any] = []
        at = self._skip(start + 1)
        while self._text[at] != "]":
            item, at = self.value(at + 1 if self._text[at] == "," else at)
            items.append(item)
            at = self._skip(at)
        return SequenceNode(TAG + "seq", items, self._mark(start), self._mark(at + 1), flow_style=True), at + 1
