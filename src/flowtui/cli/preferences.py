"""A person's file of preferences for the screen → `Preferences`; what is wrong in it is told, and not in force."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from flowtui.model.errors import Problem, in_file_order
from flowtui.model.preferences import USUAL, Preferences
from flowtui.model.spelling import did_you_mean
from flowtui.tui.actions.keymap import clashes
from flowtui.tui.actions.keys import SWALLOWED, key_named, written_key
from flowtui.tui.actions.registry import ACTIONS
from flowtui.tui.tables import column_titles
from flowtui.tui.themes import ABOUT
from flowtui.workflow.field_faults import Model, describe, label, unknown_field
from flowtui.workflow.source import Kind, Source, read_source

#: Names another file than the usual one.
VARIABLE = "FLOWTUI_CONFIG"
_KIND = Kind("a file of preferences", "theme", "name")
_MAKE_ONE = "make one with: flowtui config --write"
#: What a file says in which nothing stands, or comments alone.
_EMPTY = "empty-file"


def _wrong(message: str) -> PydanticCustomError:
    return PydanticCustomError("bad-name", "{text}", {"text": message})


def _theme(name: str) -> str:
    if name not in ABOUT:
        raise _wrong(f"there is no theme '{name}'{did_you_mean(name, ABOUT)}: choose {_one_of(ABOUT)}")
    return name


def _action(id: str) -> str:
    known = [action.id for action in ACTIONS]
    if id not in known:
        raise _wrong(f"there is no action '{id}'{did_you_mean(id, known)}: `flowtui config` lists them all")
    return id


def _key(text: str) -> str:
    try:
        return key_named(text)
    except ValueError as error:
        raise _wrong(str(error)) from None


def _as_keys(value: Any) -> Any:
    keys = value if isinstance(value, list) else [value] if isinstance(value, str | int) else value
    # A digit without quotes is a number, and yet the key that is meant.
    return [str(key) if type(key) is int and 0 <= key <= 9 else key for key in keys] if isinstance(keys, list) else keys


def _first_arrives(keys: list[str]) -> list[str]:
    if keys and keys[0] in SWALLOWED:
        key = written_key(keys[0])
        raise _wrong(f"'{key}' may not arrive, as it is {SWALLOWED[keys[0]]}: put another key before it")
    return keys


def _table(name: str) -> str:
    if name not in column_titles():
        known = column_titles()
        raise _wrong(f"there is no table '{name}'{did_you_mean(name, known)}: choose {_one_of(known)}")
    return name


def _one_of(names: Any) -> str:
    *others, last = names
    return f"{', '.join(others)} or {last}"


_Keys = Annotated[list[Annotated[str, AfterValidator(_key)]], BeforeValidator(_as_keys), AfterValidator(_first_arrives)]


class _Doc(Model):
    """The file."""

    theme: Annotated[str, AfterValidator(_theme)] = USUAL.theme
    refresh: float = Field(default=USUAL.refresh, ge=0.2, le=10)
    keymap: dict[Annotated[str, AfterValidator(_action)], _Keys] = Field(default={})
    columns: dict[Annotated[str, AfterValidator(_table)], list[str]] = Field(default={})
    bell: bool = USUAL.bell
    on_alert: list[str] = Field(default=[])
    queue_depth: int | None = Field(default=USUAL.queue_depth, ge=1)
    low_bandwidth: bool = USUAL.low_bandwidth
    mouse: bool = USUAL.mouse
    ascii: bool = USUAL.ascii


#: The names of all preferences.
NAMES = tuple(_Doc.model_fields)
_LISTS = {"on_alert": "a list: the program, then its arguments", "keymap": "a key or a list of keys"}


def preferences_path(named: Path | None, env: Mapping[str, str]) -> Path:
    """Return where the preferences are: in the file that was named, by a flag or in the environment, or as usual."""
    if named is not None:
        return named
    if env.get(VARIABLE):
        return Path(env[VARIABLE]).expanduser()
    base = Path(env.get("XDG_CONFIG_HOME", ""))
    return (base if base.is_absolute() else Path("~/.config").expanduser()) / "flowtui" / "config.yaml"


def read_preferences(named: Path | None, env: Mapping[str, str]) -> Preferences:
    """Return what the file says. A file with problems counts but for its wrong parts: it must keep nobody out."""
    path = preferences_path(named, env)
    if not path.exists():
        is_missed = named is not None or bool(env.get(VARIABLE))
        missed = Problem(path, 0, 0, f"there is no such file: {_MAKE_ONE}", "unreadable")
        return Preferences(file=path, problems=(missed,) if is_missed else ())
    source, problems = read_source(path, _KIND)
    if source is None:
        return Preferences(file=path, problems=tuple(problem for problem in problems if problem.code != _EMPTY))
    doc, found = _checked(source)
    return Preferences(
        theme=doc.theme,
        refresh=doc.refresh,
        keymap={id: tuple(keys) for id, keys in doc.keymap.items()},
        columns={table: tuple(titles) for table, titles in doc.columns.items()},
        bell=doc.bell,
        on_alert=tuple(doc.on_alert),
        queue_depth=doc.queue_depth,
        low_bandwidth=doc.low_bandwidth,
        mouse=doc.mouse,
        ascii=doc.ascii,
        file=path,
        problems=in_file_order((*problems, *found)),
    )


def _checked(source: Source) -> tuple[_Doc, list[Problem]]:
    """Return the document without its wrong parts, and what is wrong."""
    faults = [*_faults(source)]
    wrong = {part for part, _ in faults} | {str(path[0]) for path in source.damaged if path}
    doc = _Doc.model_validate({part: value for part, value in source.value.items() if part not in wrong})
    clashing = [*_clashes(source, doc)]
    if clashing:
        doc = doc.model_copy(update={"keymap": {}})
    known = column_titles()
    columns = {
        table: [title.upper() for title in titles if title.upper() in known[table]]
        for table, titles in doc.columns.items()
    }
    found = [*(problem for _, problem in faults), *clashing, *_unknown_columns(source)]
    return doc.model_copy(update={"columns": columns}), found


def _faults(source: Source) -> Iterator[tuple[str, Problem]]:
    """Yield each fault with the part of the file that it is in."""
    try:
        _Doc.model_validate(source.value)
    except ValidationError as error:
        for details in error.errors(include_url=False):
            in_key = details["loc"][-1] == "[key]"
            path = details["loc"][:-1] if in_key else details["loc"]
            part = str(path[0])
            if details["type"] == "extra_forbidden":
                message = unknown_field(part, "the preferences", _Doc)
                yield part, source.problem(path, message, "unknown-field", key=True)
            elif not source.is_damaged(path):
                message, code = describe(details, label(path), {}, _LISTS.get(part, "a list"))
                yield part, source.problem(path, message, code, key=in_key)


def _clashes(source: Source, doc: _Doc) -> Iterator[Problem]:
    keymap = {id: tuple(keys) for id, keys in doc.keymap.items()}
    # In the inspector a key may leave that rather than flowtui.
    meant = set(clashes({}))
    for clash in clashes(keymap):
        key, one, other = clash
        if clash not in meant:
            at, beside = (other, one) if other in keymap else (one, other)
            message = f"'{written_key(key)}' is a key of '{beside}' too, on the same screen: give one of them another"
            yield source.problem(("keymap", at), message, "two-meanings")


def _unknown_columns(source: Source) -> Iterator[Problem]:
    tables = source.value.get("columns")
    for table, known in column_titles().items():
        titles = tables.get(table) if isinstance(tables, dict) else None
        for index, title in enumerate(titles if isinstance(titles, list) else ()):
            if isinstance(title, str) and title.upper() not in known:
                close = did_you_mean(title.upper(), known)
                message = f"the table '{table}' has no column '{title}'{close}: it has {', '.join(known)}"
                yield source.problem(("columns", table, index), message, "bad-name")
