"""Flags that several commands share, and the engine that they describe."""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.model.errors import StateDirError
from flowtui.nodes.durations import seconds
from flowtui.settings import Settings, StateDirLock, default_state_dir
from flowtui.storage.data_store import open_store

_LEVELS = ("debug", "info", "warning", "error")
F = TypeVar("F", bound=Callable[..., Any])


class Folder(click.ParamType[Path]):
    """An existing folder."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        path = Path(value)
        if not path.exists():
            self.fail(
                f"there is no folder {str(path)!r}; name an existing one, or make it with: mkdir {path}", param, ctx
            )
        if not path.is_dir():
            self.fail(f"{str(path)!r} is a file; name the folder that it is in", param, ctx)
        return path


class Duration(click.ParamType[float]):
    """A duration such as `10s`, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


folder_argument = click.argument("folder", type=Folder(), default="workflows")


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of every command that has to do with an engine."""

    store: str
    state_dir: Path | None
    namespace: str
    log_level: str


def engine_options(command: F) -> F:
    """Add the flags of every command that has to do with an engine, handed on as `flags`."""

    @click.option("--store", default="auto", show_default=True, help="auto, local, memory, or a redis:// URL.")
    @click.option(
        "--state-dir",
        type=click.Path(file_okay=False, path_type=Path),
        envvar="FLOWTUI_STATE_DIR",
        help="Where durable state lives.  [default: one per folder, under the user's state directory]",
    )
    @click.option("--namespace", default="flowtui", show_default=True, help="Prefix of all keys in the store.")
    @click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True)
    @click.option("--debug", is_flag=True, help="Show tracebacks of flowtui itself.")
    @functools.wraps(command)
    def wrapper(store: str, state_dir: Path | None, namespace: str, log_level: str, debug: bool, **kwargs: Any) -> Any:
        return command(flags=Flags(store, state_dir, namespace, "debug" if debug else log_level), **kwargs)

    return wrapper  # type: ignore[return-value]


def make_client(folder: Path, flags: Flags) -> EngineClient:
    """Return a client to a new engine, not started, that holds the state directory until the process ends.

    Raises:
        StateDirError: if another engine holds it.
    """
    settings = Settings(
        store=flags.store,
        redis_url=os.environ.get("FLOWTUI_REDIS_URL") or None,
        state_dir=flags.state_dir or default_state_dir(folder),
        namespace=flags.namespace,
        log_level=logging.getLevelNamesMapping()[flags.log_level.upper()],
    )
    if settings.store != "memory":
        _hold(settings)
    engine = FlowEngine(
        folder,
        functools.partial(
            open_store,
            settings.store,
            state_dir=settings.state_dir,
            namespace=settings.namespace,
            url=settings.redis_url,
        ),
        env=os.environ,
        log_level=settings.log_level,
    )
    return EngineClient(engine)


_held: list[StateDirLock] = []


def _hold(settings: Settings) -> None:
    try:
        _held.append(StateDirLock(settings.state_dir))
    except StateDirError:
        # Without a place to write, `auto` still runs, in memory, and the screen says that it does.
        if settings.store == "auto" and not settings.state_dir.exists():
            return
        raise
