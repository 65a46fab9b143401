"""What is wrong with a text that is no YAML, in words that help."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ruamel.yaml.error import MarkedYAMLError

_QUOTED = re.compile(r"""(?<![^\s\[{,:])(?:"(?:\\.|[^"\\])*"|'(?:''|[^'])*')""")
_QUOTE_START = re.compile(r"""(?<![^\s\[{,:])["']""")
_LINE_BREAK = re.compile(r"\r\n|\r|\n")
_VALUE_START = re.compile(r"[^\s\[{,]*\Z")
_TEMPLATE_END = re.compile(r"}}[^\s,\]}]*")
#: Brackets of flow collections.
_CLOSING = {"{": "}", "[": "]"}
_NO_KEY = "this line is neither 'key: value' nor part of the value above: add the ':', or check the indentation"


@dataclass(frozen=True, slots=True)
class TextFault:
    """What is wrong with a text; line and column from 0."""

    line: int
    column: int
    message: str
    code: str = "not-yaml"


def yaml_fault(error: MarkedYAMLError, text: str) -> TextFault:
    """Return where an error of the YAML reader comes from, and what to do about it."""
    lines = lines_of(text)
    mark, context = error.problem_mark or error.context_mark, error.context_mark
    if mark is None:
        return TextFault(0, 0, f"this is no YAML: {error.problem}")
    if context is not None and text.startswith("{{", context.index):
        return _unquoted(lines, context.line, context.column)
    column = _QUOTED.sub(lambda found: "_" * len(found[0]), _line_of(lines, mark.line)).find("{{")
    if column >= 0:
        return _unquoted(lines, mark.line, column)
    finders = (_open_quote(error, lines), _open_bracket(error, lines, text), _line_without_colon(error, lines))
    return next(filter(None, finders), None) or _other(error, lines)


def lines_of(text: str) -> list[str]:
    """Return the lines of a text as the YAML reader counts them; there is one at least."""
    return _LINE_BREAK.split(text)


def quoted_template(text: str) -> str:
    """Return a piece of YAML that begins with `{{` as it has to be written."""
    piece = " ".join(text.split())
    return f"'{piece}'" if '"' in piece else f'"{piece}"'


def unquoted_message(piece: str) -> str:
    """Return what to say of a template without quotes."""
    return f"a value with a template must be quoted as a whole, like {quoted_template(piece)}"


def _unquoted(lines: list[str], line: int, column: int) -> TextFault:
    before = _VALUE_START.search(lines[line], 0, column)
    after = _TEMPLATE_END.search(lines[line], column)
    piece = lines[line][before.start() if before else column : after.end()] if after else "{{ … }}"
    return TextFault(line, column, unquoted_message(piece), "unquoted-template")


def _open_quote(error: MarkedYAMLError, lines: list[str]) -> TextFault | None:
    """Return the quote that is still open at the end of its line, if that is why the text cannot be read."""
    message = "this is no YAML: the quote that begins here does not end in this line: close the quote"
    mark, context = error.problem_mark, error.context_mark
    if context is not None and "quoted scalar" in str(error.context):
        return TextFault(context.line, context.column, message)
    if mark is None:
        return None
    # It may have ended at the next quote of its kind, far below, and what is behind that makes no sense.
    for line in range(min(mark.line, len(lines)) - 1, -1, -1):
        rest = _QUOTED.sub(lambda found: "_" * len(found[0]), _line_of(lines, line))
        opening = _QUOTE_START.search(rest)
        if opening is not None:
            between = "".join(lines[line + 1 : mark.line])
            reaches = (
                opening[0] not in between and opening[0] in "".join(lines[mark.line : mark.line + 1])[: mark.column]
            )
            return TextFault(line, opening.start(), message) if reaches else None
    return None


def _open_bracket(error: MarkedYAMLError, lines: list[str], text: str) -> TextFault | None:
    """Return the bracket that is never closed, if that is why the text cannot be read."""
    mark, context = error.problem_mark, error.context_mark
    if mark is None or context is None or "parsing a flow" not in str(error.context):
        return None
    goes_on = _line_of(lines, context.line).rstrip()[-1:] in (",", *_CLOSING)
    at_end = mark.index >= len(text.rstrip())
    if not at_end and (mark.line == context.line or goes_on):
        return None
    index = context.index
    if text[index : index + 1] not in _CLOSING:  # what should be there is missing, so it is the bracket before that
        index = max(text.rfind(opening, 0, index) for opening in _CLOSING)
    before = lines_of(text[:index])
    message = (
        f"this is no YAML: the '{text[index]}' that begins here is not closed: close it with '{_CLOSING[text[index]]}'"
    )
    return TextFault(len(before) - 1, len(before[-1]), message)


def _line_without_colon(error: MarkedYAMLError, lines: list[str]) -> TextFault | None:
    """Return the line above that lacks its colon, if that is why there can be no key where one is."""
    mark = error.problem_mark
    if mark is None or error.problem != "mapping values are not allowed here":
        return None
    above = next((number for number in range(mark.line - 1, -1, -1) if _line_of(lines, number).strip()), None)
    if above is None:
        return None
    line, below = _line_of(lines, above), lines[mark.line]
    indent = len(line) - len(line.lstrip())
    if ":" in line or line.lstrip().startswith("-") or indent != len(below) - len(below.lstrip()):
        return None
    return TextFault(above, indent, f"this is no YAML: {_NO_KEY}")


def _other(error: MarkedYAMLError, lines: list[str]) -> TextFault:
    mark: Any = error.problem_mark or error.context_mark
    problem = str(error.problem).replace("'<stream end>'", "the end of the file")
    line = _line_of(lines, mark.line)
    told = f"{error.context + ', ' if error.context else ''}{problem}"
    if "'\\t'" in told:
        told = "lines are indented with spaces, not with tabs"
    elif "another document" in problem:
        told = "a file holds one document: move what is behind '---' to a file of its own"
    elif "alias" in told:
        told = f"{problem}: quote a text that begins with '*', or write the anchor '&…' before the value that is meant"
    elif "cannot start any token" in problem:
        told = f"{problem}: quote a value that begins like this"
    elif "expected ':'" in problem and error.context_mark is not None:
        mark, told = error.context_mark, _NO_KEY
    elif "<block end>" in problem and "<scalar>" in problem:
        told = "there is something behind the value's closing quote: quote the value as a whole"
        told += "; inside a template in double quotes, write text in single quotes" if '"{{' in line else ""
    elif "<block end>" in problem and problem[-2:-1] in _CLOSING.values():
        told = f"there is a {problem[-3:]} too many: remove it"
    elif "<block end>" in problem:
        told = "this line does not line up with those above it: check the indentation"
    elif problem == "mapping values are not allowed here":
        told += ": check the indentation, or quote a value that contains ': '"
    elif "expected ',' or" in problem and error.context_mark is not None:
        told = f"{problem}, since the bracket of line {error.context_mark.line + 1}: check the commas and brackets"
    else:
        told += ": check the quotes, the brackets and the indentation"
    return TextFault(mark.line, mark.column, f"this is no YAML: {told}")


def _line_of(lines: list[str], line: int) -> str:
    """Return a line without its comment; the end of the file may stand behind the last one."""
    return lines[line].partition(" #")[0] if line < len(lines) else ""
