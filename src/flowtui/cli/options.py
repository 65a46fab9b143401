"""Flags that several commands share, and the store that they describe. Imports nothing of the engine."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import click

from flowtui.cli.usage import Misuse, debug_option
from flowtui.model.errors import StoreError
from flowtui.nodes.durations import seconds
from flowtui.settings import Settings, default_state_dir
from flowtui.storage.data_store import DataStore
from flowtui.storage.local_server import LocalServer
from flowtui.storage.opening import open_store

_LEVELS = ("debug", "info", "warning", "error")
F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")


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


def store_options(command: F) -> F:
    """Add the flags of commands that look into a store: which it is, as `folder` and `flags`, and `--json`."""

    @click.option(
        "--folder",
        type=click.Path(path_type=Path),
        default="workflows",
        show_default=True,
        help="The workflow folder whose store it is.",
    )
    @click.option("--json", "as_json", is_flag=True, help="Print JSON.")
    @engine_options
    @functools.wraps(command)
    def wrapper(**kwargs: Any) -> Any:
        return command(**kwargs)

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
    return open_with(replace(settings, store="local") if is_private else settings)


def running_store(folder: Path, flags: Flags) -> DataStore:
    """Open the store that an engine on `folder` uses now, if these flags are its own.

    Raises:
        NoEngine: if its private server does not run.
        StoreError: if it cannot be opened.
        Misuse: if no other process can reach it.
    """
    settings = settings_of(folder, flags)
    if settings.store == "memory":
        raise Misuse("a store in memory belongs to one process: no engine can be reached through it from here")
    return open_with(settings, start=False)


def work_in(store: DataStore, work: Callable[[DataStore], Awaitable[T]]) -> T:
    """Return what comes of work in a store, on an event loop of its own; closes the store."""

    async def scene() -> T:
        try:
            return await work(store)
        finally:
            await store.release()

    with closing(store):
        return asyncio.run(scene())


def open_with(settings: Settings, *, start: bool = True, for_development: bool = False) -> DataStore:
    """Open the store of these settings; as `open_store`."""
    return open_store(
        settings.store,
        state_dir=settings.state_dir,
        namespace=settings.namespace,
        url=settings.redis_url,
        start=start,
        for_development=for_development,
    )
