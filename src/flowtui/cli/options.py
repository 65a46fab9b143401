"""Flags that several commands share, and the settings that they stand for. Imports nothing of engine and store."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from flowtui.cli.usage import debug_option
from flowtui.model.log_lines import LEVELS
from flowtui.nodes.durations import seconds
from flowtui.settings import Settings, default_state_dir

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
    @click.option("--log-level", type=click.Choice([*LEVELS]), default="info", show_default=True)
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
        log_level=LEVELS[flags.log_level],
    )


def is_private(settings: Settings) -> bool:
    """Tell whether these settings mean the private store of their state directory."""
    return settings.store == "local" or (settings.store == "auto" and not settings.redis_url)
