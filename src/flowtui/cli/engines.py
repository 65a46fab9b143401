"""The engine that a command's flags describe."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path

from flowtui.cli.options import Flags, settings_of
from flowtui.cli.stores import open_with
from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.model.access import DEVELOPING, USUAL, Access
from flowtui.model.errors import StateDirError
from flowtui.settings import Settings, StateDirLock
from flowtui.storage.data_store import DataStore


def make_client(folder: Path, flags: Flags, access: Access = USUAL) -> EngineClient:
    """Return a client to a new engine, not started, that holds the state directory until the process ends.

    Raises:
        StateDirError: if another engine holds it.
    """
    settings = settings_of(folder, flags)
    if settings.store != "memory":
        _hold(settings, was_named=flags.state_dir is not None)
    opener = functools.partial(open_with, settings)
    return _client(folder, settings, opener, access)


def make_developing_client(folder: Path, flags: Flags) -> EngineClient:
    """Return a client to a new engine, not started, for work on nodes: no loop starts, production is only read.

    It may run beside an engine that holds the state directory.
    """
    settings = settings_of(folder, flags)
    opener = functools.partial(open_with, settings, for_development=True)
    return _client(folder, settings, opener, DEVELOPING, autostart=False)


def _client(
    folder: Path, settings: Settings, opener: Callable[[], DataStore], access: Access, *, autostart: bool = True
) -> EngineClient:
    # What is only in memory leaves nothing behind.
    state_dir = settings.state_dir if settings.store != "memory" else None
    engine = FlowEngine(
        folder,
        opener,
        env=os.environ,
        log_level=settings.log_level,
        log_folder=state_dir / "logs" if state_dir is not None else None,
        text_folder=state_dir / "texts" if state_dir is not None else None,
        access=access,
        autostart=autostart,
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
