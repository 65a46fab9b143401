"""The flags of commands that open the app: how its screen is to be."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from flowtui.cli.preferences import VARIABLE, read_preferences

F = TypeVar("F", bound=Callable[..., Any])

config_option = click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help=f"The file of preferences, also {VARIABLE}.  [default: flowtui/config.yaml under ~/.config]",
)


def screen_options(command: F) -> F:
    """Add the flags of a command that opens the app, handed on as `preferences` with those of the person's file."""

    @config_option
    @click.option("--lowbw", is_flag=True, help="Send as little as possible, for slow lines.")
    @click.option("--no-mouse", is_flag=True, help="Leave the mouse to the terminal, which selects text with it.")
    @click.option("--ascii", "plain", is_flag=True, help="Draw frames and signs in ASCII.")
    @functools.wraps(command)
    def wrapper(config: Path | None, *, lowbw: bool, no_mouse: bool, plain: bool, **kwargs: Any) -> Any:
        own = read_preferences(config, os.environ)
        preferences = replace(
            own,
            low_bandwidth=own.low_bandwidth or lowbw,
            mouse=own.mouse and not no_mouse,
            ascii=own.ascii or plain,
        )
        return command(preferences=preferences, **kwargs)

    return wrapper  # type: ignore[return-value]
