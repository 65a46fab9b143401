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

from flowtui.cli.usage import Misuse, debug_option
from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.model.errors import StateDirError, StoreError
from flowtui.nodes.durations import seconds
from flowtui.settings import Settings, StateDirLock, default_state_dir
from flowtui.storage.data_store import DataStore
from flowtui.storage.local_server import LocalServer
from flowtui.storage.opening import open_store

_LEVELS = ("debug", "info", "warning", "error")
F = TypeVar("F", bound=Callable[..., Any])


class Duration(click.ParamType[float]):
    """A duration such as `10s`, as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            return seconds(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


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
    @debug_option
    @functools.wraps(command)
    def wrapper(store: str, state_dir: Path | None, namespace: str, log_level: str, **kwargs: Any) -> Any:
        return command(flags=Flags(store, state_dir, namespace, log_level), **kwargs)

    return wrapper  # type: ignore[return-value]


def settings_of(folder: Path, flags: Flags) -> Settings:
    """Return what the flags and the environment say for a workflow folder."""
    return Settings(
        store=flags.store,
        redis_url=os.environ.get("FLOWTUI_REDIS_URL") or None,
        state_dir=flags.state_dir or default_state_dir(folder),
        namespace=flags.namespace,
        log_level=logging.getLevelNamesMapping()[flags.log_level.upper()],
    )


def existing_store(folder: Path, flags: Flags) -> DataStore:
    """Open the store that an engine on `folder` uses, or has used, with these flags.

    Raises:
        StoreError: if it cannot be opened, or there is none.
        Misuse: if no other process can have used it.
    """
    settings = settings_of(folder, flags)
    if settings.store == "memory":
        raise Misuse("a store in memory belongs to one process: there is nothing of it to be seen from here")
    is_private = settings.store == "local" or (settings.store == "auto" and not settings.redis_url)
    if is_private and not LocalServer.has_data(settings.state_dir):
        raise StoreError(
            f"no flowtui has stored anything in {settings.state_dir}; name its folder with --folder, or its "
            "directory with --state-dir"
        )
    return open_store(
        "local" if is_private else settings.store,
        state_dir=settings.state_dir,
        namespace=settings.namespace,
        url=settings.redis_url,
    )


def make_client(folder: Path, flags: Flags) -> EngineClient:
    """Return a client to a new engine, not started, that holds the state directory until the process ends.

    Raises:
        StateDirError: if another engine holds it.
    """
    settings = settings_of(folder, flags)
    if settings.store != "memory":
        _hold(settings, was_named=flags.state_dir is not None)
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


def _hold(settings: Settings, *, was_named: bool) -> None:
    try:
        _held.append(StateDirLock(settings.state_dir))
    except StateDirError:
        # Only `local` keeps its data there. Without a place of our own to write the others run too, `auto` in memory
        # if need be; a place that the user has named is another matter.
        if was_named or settings.store == "local" or os.access(settings.state_dir, os.W_OK):
            raise
