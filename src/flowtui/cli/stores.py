"""The stores that flags describe, as commands use them. Imports nothing of the engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from flowtui.cli.options import Flags, is_private, settings_of
from flowtui.cli.usage import Misuse
from flowtui.model.errors import StoreError
from flowtui.settings import Settings
from flowtui.storage.data_store import DataStore
from flowtui.storage.local_data import has_data
from flowtui.storage.opening import open_store

T = TypeVar("T")


def existing_store(folder: Path, flags: Flags) -> DataStore:
    """Open the store that an engine on `folder` uses, or has used, with these flags.

    Raises:
        StoreError: if it cannot be opened, or there is none.
        Misuse: if no other process can have used it.
    """
    settings = settings_of(folder, flags)
    if settings.store == "memory":
        raise Misuse("a store in memory belongs to one process: there is nothing of it to be seen from here")
    if is_private(settings) and not has_data(settings.state_dir):
        raise StoreError(
            f"no flowtui has stored anything in {settings.state_dir}; name its folder with --folder, or its "
            "directory with --state-dir"
        )
    return open_with(replace(settings, store="local") if is_private(settings) else settings)


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
