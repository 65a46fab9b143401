"""A new config, or a new test case, in the text of its file; all else stays as it is, to the byte."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from flowtui.model.errors import NotSaved, UnknownNode
from flowtui.nodes.registry import NodeType
from flowtui.workflow.compose import TextError
from flowtui.workflow.layout import Layout
from flowtui.workflow.react_flow import from_react_flow, is_react_flow
from flowtui.workflow.source import KeyPath
from flowtui.workflow.splice import Change, Splicer, canonical, same

#: With this a file may begin.
MARK = "\ufeff"
#: Changes that one new config may take; far more than any form has fields.
_MOST_CHANGES = 2000
#: Fields of a node that stand before its config.
_BEFORE_CONFIG = ("type", "title", "needs")
_VARIABLE = re.compile(r"\$\{[A-Za-z_][^}]*\}")


def with_config(
    path: Path,
    text: str,
    node: str,
    config: Mapping[str, Any],
    types: Mapping[str, NodeType] = MappingProxyType({}),
) -> str:
    """Return the text of a workflow file in which a node has another config.

    Only what differs is written, in the style of what was there; comments, order, quotes, anchors and line ends stay.
    Where a value comes from an anchor, the node itself gets it. The result was read back: it says exactly this, and
    about all else what it said before.

    Args:
        path: of the file; its suffix says whether it is JSON.
        text: as the file holds it, a byte order mark included.
        node: its id, in a React Flow export the one that it has here.
        config: of JSON values; `${NAME}`, `${secret:NAME}` and `{{ }}` stand in it as in the file.
        types: the known node types; only a React Flow export asks for them.

    Raises:
        UnknownNode: if the file has no such node.
        NotSaved: if the config can't be written, or the file has problems.
    """
    config = _plain(config, node)
    mark = MARK if text.startswith(MARK) else ""
    layout = read_layout(path, text.removeprefix(MARK))
    wanted, whole = _wanted(layout, node, config, types)
    reached = reach(path, layout, wanted, whole)
    _check(path, layout, reached, node, config, types)
    return mark + reached.text


def _plain(config: Mapping[str, Any], node: str) -> dict[str, Any]:
    try:
        text = json.dumps(dict(config), ensure_ascii=False)
        text.encode()
    except (TypeError, ValueError) as error:
        raise NotSaved(f"the config of '{node}' holds what is no JSON ({error}): nothing was written") from None
    plain: dict[str, Any] = json.loads(text)
    return plain


def read_layout(path: Path, text: str) -> Layout:
    """Return where everything stands in a text without byte order mark; raises `NotSaved` if it has problems."""
    try:
        layout = Layout(path, text)
    except TextError as error:
        place = f"{path}:{error.line}:{error.column}"
        raise NotSaved(f"nothing was written, as the file can't be read: {place}: {error.message}") from None
    if layout.problems:
        raise NotSaved(f"nothing was written, as the file has a problem: {layout.problems[0]}")
    return layout


def _wanted(
    layout: Layout, node: str, config: dict[str, Any], types: Mapping[str, NodeType]
) -> tuple[dict[str, Any], KeyPath]:
    """Return the whole document with the new config, and where all that belongs to it stands."""
    wanted = copy.deepcopy(layout.value)
    if is_react_flow(layout.source):
        at = from_react_flow(layout.source, types).places.get(node)
        if at is None:
            raise _unknown(layout, node)
        _put_into_export(wanted["nodes"][at[1]], config)
        return wanted, (*at, "data")
    written = _at(wanted, ("nodes", node))
    if not isinstance(written, dict):
        raise _unknown(layout, node)
    if config or written.get("config"):
        before = {key: value for key, value in written.items() if key in _BEFORE_CONFIG}
        order = {**before, "config": config, **written} if "config" not in written else written
        wanted["nodes"][node] = {**order, "config": config}
    return wanted, ("nodes", node, "config")


def _unknown(layout: Layout, node: str) -> UnknownNode:
    return UnknownNode(f"there is no node '{node}' in {layout.source.path}: it may have been removed or renamed")


def _put_into_export(node: dict[str, Any], config: Mapping[str, Any]) -> None:
    """Change the settings of a node of a React Flow export: what was typed into its form counts before its config."""
    data = node.setdefault("data", {})
    settings: dict[str, Any] | None = data.get("config")
    form: dict[str, Any] | None = data.get("form")
    for part in (settings, form):
        if part is not None:
            for key in part.keys() - config.keys():
                del part[key]
    for key, value in config.items():
        if form is not None and (form.get(key) is not None or (settings is None and value is not None)):
            form[key] = value
            if value is not None:
                continue
            del form[key]
        if settings is None:
            settings = data["config"] = {}
        settings[key] = value


def reach(path: Path, layout: Layout, wanted: Mapping[str, Any], whole: KeyPath) -> Layout:
    """Make one change after the other until the text says what is wanted; return what it is then.

    Args:
        path: of the file.
        layout: the text as it is.
        wanted: the whole document.
        whole: what is there may be written anew if much of it differs.

    Raises:
        NotSaved: if that cannot be reached.
    """
    seen = {layout.text}
    for _ in range(_MOST_CHANGES):
        change = Splicer(layout).next_change(wanted, whole)
        if change is None:
            return layout
        layout = _changed(path, layout, change, wanted)
        if layout.text in seen:
            raise _impossible(layout, change)
        seen.add(layout.text)
    raise NotSaved(
        f"the config differs in more than {_MOST_CHANGES:,} places from that of {path}: edit the file instead"
    )


def _changed(path: Path, layout: Layout, change: Change, wanted: Mapping[str, Any]) -> Layout:
    """Return the layout with a change: with the first of its texts that reads back as wanted, else that can be read."""
    readable: Layout | None = None
    unread = ""
    for text in change.texts:
        try:
            changed = Layout(path, text)
        except TextError:
            unread = text
            continue
        if changed.problems:
            continue
        if same(_at(changed.value, change.path), _at(wanted, change.path)):
            return changed
        readable = readable or changed
    if readable is None:
        raise _impossible(layout, change, unread)
    return readable


def _at(value: Any, path: KeyPath) -> Any:
    for step in path:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _impossible(layout: Layout, change: Change, text: str = "") -> NotSaved:
    what = f"'{'.'.join(map(str, change.path[2:] or change.path))}' can't be written into {layout.source.path}"
    lost = [
        (line, name)
        for name, line in layout.alias_lines().items()
        if text and not re.search(rf"&{re.escape(name)}(?![^\s,\[\]{{}}])", text)
    ]
    if lost:
        line, name = min(lost)
        return NotSaved(f"{what}: it holds the anchor '&{name}', which line {line} needs; edit the file instead")
    return NotSaved(f"{what} without touching other things there: edit the file instead")


def _check(
    path: Path, before: Layout, after: Layout, node: str, config: Mapping[str, Any], types: Mapping[str, NodeType]
) -> None:
    """Make sure that the text says this config, and about all else what it said; what is read is what counts.

    Raises:
        NotSaved: if it does not.
    """
    is_right = _variables(before, after) and same(_config(after, node, types), config)
    if is_right and is_react_flow(before.source):
        one, other = (from_react_flow(each.source, types).source.value for each in (before, after))
    else:
        one, other = before.value, after.value
    if not is_right or _without(one, node) != _without(other, node):
        raise NotSaved(
            f"{path} would not say what is meant after the change: nothing was written; edit the file instead"
        )


def _config(layout: Layout, node: str, types: Mapping[str, NodeType]) -> Any:
    is_export = is_react_flow(layout.source)
    value = from_react_flow(layout.source, types).source.value if is_export else layout.value
    return value["nodes"][node].get("config") or {}


def _without(value: Mapping[str, Any], node: str) -> str:
    nodes = {id: each for id, each in value["nodes"].items() if id != node}
    own = {key: each for key, each in value["nodes"][node].items() if key != "config"}
    return canonical({**value, "nodes": nodes, "own": own})


def _variables(before: Layout, after: Layout) -> bool:
    """Say whether each `${NAME}` that is in both is without quotes, and so perhaps a number, in both or in neither."""

    def found(layout: Layout) -> dict[KeyPath, tuple[str, bool]]:
        paths = layout.source.values
        texts = {path: _at(layout.value, path) for path in paths}
        return {
            path: (text, path in layout.source.plain)
            for path, text in texts.items()
            if isinstance(text, str) and _VARIABLE.fullmatch(text)
        }

    one, other = found(before), found(after)
    return all(other[path] == each for path, each in one.items() if path in other and other[path][0] == each[0])
