"""A workflow as values → a YAML file that people like to read, and that means the same."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.nodes import Node
from ruamel.yaml.representer import RoundTripRepresenter

from flowtui.workflow.compose import TAG

_NODE_FIELDS = ("type", "title", "needs", "config", "retry", "timeout", "cache", "loop")
#: Longest list, in characters, that stands in one line.
_SHORT = 70

_PRINTABLE = r" -~\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_UNPRINTABLE = re.compile(f"[^{_PRINTABLE}\n]")
# Nothing but blanks at neither end of a line, since there nobody sees them.
_BLOCK = re.compile(rf"(?! )[{_PRINTABLE}\n]*(?<![ \n])\n?")
_BLANK_AT_END = re.compile(r" \n")
_TEMPLATE = re.compile(r"\{[{%#]|\$\{")
# A truth value to older readers of YAML, or the beginning of something else to one reader or another.
_DOUBTFUL = re.compile(r"(y|yes|n|no|on|off)\Z|[?:<=~|>@`!%&*#-]", re.IGNORECASE)


def workflow_text(
    value: Mapping[str, Any], name: str, parts: Sequence[Sequence[str]], notes: Sequence[str] = ()
) -> str:
    """Return a workflow file as YAML.

    Args:
        value: the document in our own form, as a `Source` has it.
        name: of the workflow.
        parts: the ids of all nodes in the order in which they shall stand, with an empty line between two parts.
        notes: comments for the head of the file.
    """
    nodes = CommentedMap({id: _node(value["nodes"][id]) for part in parts for id in part})
    for part in parts[1:]:
        nodes.yaml_set_comment_before_after_key(part[0], before="\n")
    document = {"name": name, "description": value.get("description"), "nodes": nodes}
    head = (f"# {line}\n" for note in notes for line in _UNPRINTABLE.sub(" ", note).splitlines() if line.strip())
    return "".join(head) + block_text({key: value for key, value in document.items() if value})


def block_text(value: Any, indent: int = 2, offset: int = 2) -> str:
    """Return a value as YAML over several lines.

    Args:
        value: a mapping or a list; of JSON.
        indent: how many blanks a mapping stands further in than the key above it.
        offset: how many the dash of a list does.
    """
    return _dumped(value, _Representer, indent, offset)


def flow_text(value: Any) -> str:
    """Return a value of JSON as YAML within one line, as it may stand in a list in brackets."""
    return _dumped([value], _FlowRepresenter, 2, 2).strip()[1:-1]


def is_shown(text: str) -> bool:
    """Say whether all characters of a text can stand in a file so that a reader sees them."""
    return not _UNPRINTABLE.search(text)


def _dumped(value: Any, representer: type[RoundTripRepresenter], indent: int, offset: int) -> str:
    yaml = YAML(typ="rt")
    yaml.Representer = representer
    yaml.width = 1 << 30
    yaml.brace_single_entry_mapping_in_flow_sequence = True
    yaml.indent(mapping=indent, sequence=offset + 2, offset=offset)
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


def _node(node: Mapping[str, Any]) -> dict[str, Any]:
    written = {field: node[field] for field in _NODE_FIELDS if node.get(field) not in (None, {}, [])}
    needs = written.get("needs")
    if isinstance(needs, list) and len(needs) == 1:
        written["needs"] = needs[0]
    return written


class _Representer(RoundTripRepresenter):
    """Chooses how each value is written."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_key(self, data: Any) -> Node:
        quoted = _UNPRINTABLE.search(data) or "\n" in data
        return self.represent_scalar(TAG + "str", data, style='"') if quoted else self.represent_data(data)

    def null(self, data: None) -> Node:
        return self.represent_scalar(TAG + "null", "null")

    def text(self, data: str) -> Node:
        return self.represent_scalar(TAG + "str", data, style=style_of(data))

    def list(self, data: Sequence[Any]) -> Node:
        is_short = not any(isinstance(item, (dict, list)) for item in data) and len(str(data)) <= _SHORT
        return self.represent_sequence(TAG + "seq", data, flow_style=is_short)

    def dict(self, data: Mapping[str, Any]) -> Node:
        return self.represent_mapping(TAG + "map", data, flow_style=not data)


_Representer.add_representer(type(None), _Representer.null)
_Representer.add_representer(str, _Representer.text)
_Representer.add_representer(list, _Representer.list)
_Representer.add_representer(dict, _Representer.dict)


class _FlowRepresenter(_Representer):
    """Writes everything into one line."""

    def list(self, data: Sequence[Any]) -> Node:
        return self.represent_sequence(TAG + "seq", data, flow_style=True)

    def dict(self, data: Mapping[str, Any]) -> Node:
        return self.represent_mapping(TAG + "map", data, flow_style=True)


_FlowRepresenter.add_representer(list, _FlowRepresenter.list)
_FlowRepresenter.add_representer(dict, _FlowRepresenter.dict)


def style_of(text: str) -> str | None:
    """Return how a text is quoted, `|` for a block; None where the emitter may write it without quotes."""
    if _UNPRINTABLE.search(text):
        return '"'
    if "\n" in text:
        return "|" if _BLOCK.fullmatch(text) and not _BLANK_AT_END.search(text) else '"'
    if _TEMPLATE.search(text):
        # Quoted, as a number that a variable holds would be one otherwise, and as `{{` begins a mapping.
        has_escapes = '"' in text or "\\" in text or not text.isascii()
        return "'" if has_escapes and "'" not in text else '"'
    return "'" if _DOUBTFUL.match(text) else None
