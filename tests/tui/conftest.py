"""Lets the tests of the screen import what they share, and not wait longer than they must."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from warm_python import SCREEN, WarmPython, warm_python

sys.path.insert(0, str(Path(__file__).parent))

# Textual paints 60 times a second, and its pilot takes 20 ms of silence for "done". Both halved, the order is the same.
os.environ.setdefault("TEXTUAL_FPS", "240")

import textual._wait
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet

textual._wait.SLEEP_GRANULARITY = 1 / 100

_parse_rules = Stylesheet._parse_rules
_parsed: dict[Any, list[RuleSet]] = {}


def _parse_rules_once(stylesheet: Stylesheet, *args: Any, **options: Any) -> list[RuleSet]:
    """Parse what no app before this one has parsed: all have the same styles."""
    key = (args, *options.items(), *stylesheet._variables.items())
    if key not in _parsed:
        _parsed[key] = _parse_rules(stylesheet, *args, **options)
    return _parsed[key]


Stylesheet._parse_rules = _parse_rules_once  # type: ignore[method-assign]


@pytest.fixture(scope="session")
def warm_screen() -> Iterator[WarmPython]:
    """What apps in a terminal are forked from."""
    with warm_python(SCREEN) as warm:
        yield warm
