"""Lets the tests of the screen import what they share, and not wait longer than they must."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sized
from pathlib import Path
from typing import Any

import pytest

from warm_python import SCREEN, WarmPython, warm_python

sys.path.insert(0, str(Path(__file__).parent))

# Textual paints at most 60 times a second; some tests hurry more ticks than that through an app in a terminal.
os.environ.setdefault("TEXTUAL_FPS", "240")

import textual.app
import textual.pilot
from textual._context import active_app
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet


async def _until_idle(min_sleep: float = 0.0, max_sleep: float = 1.0) -> None:
    """Return when the app has nothing left to do but to wait for threads, timers and people.

    Textual's own guesses from the time that the process takes: it waits too long on an idle machine, and returns too
    early on a busy one. What is to be painted is painted at once, and once. `max_sleep` is CPU time: an app whose
    engine never rests is not waited for, one that has to share its machine is.
    """
    app = active_app.get()
    ready: Sized = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    end = time.thread_time() + max_sleep
    while time.thread_time() < end:
        await asyncio.sleep(0)
        if ready:
            continue
        if app._resize_timer is not None:  # it sizes the screen when a hand that resizes the terminal rests
            await asyncio.sleep(1 / 240)
        elif app.screen_stack and app.screen._update_timer._active.is_set():
            with app.screen._context():
                app.screen._on_timer_update()
        else:
            return


textual.app.wait_for_idle = textual.pilot.wait_for_idle = _until_idle

_parse_rules = Stylesheet._parse_rules
_parsed: dict[Any, list[RuleSet]] = {}


def _parse_rules_once(stylesheet: Stylesheet, *args: Any, **options: Any) -> list[RuleSet]:
    """Parse what no app before this one has parsed: all have the same styles."""
    key = (args, *options.items(), *stylesheet._variables.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(stylesheet, *args, **options)
    return _parsed[key]


Stylesheet._parse_rules = _parse_rules_once  # type: ignore[method-assign]
# Sets of rules are made for every part of every widget: the same hash, but not from a Python function.
RuleSet.__hash__ = object.__hash__  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def warm_screen() -> Iterator[WarmPython]:
    """What apps in a terminal are forked from."""
    with warm_python(SCREEN) as warm:
        yield warm
