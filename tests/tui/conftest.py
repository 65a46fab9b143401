"""Lets the tests of the screen import what they share, and not wait longer than they must."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from warm_python import SCREEN, WarmPython, warm_python

sys.path.insert(0, str(Path(__file__).parent))

# Textual paints 60 times a second, and its pilot takes 20 ms of silence for "done". Both halved, the order is the same.
os.environ.setdefault("TEXTUAL_FPS", "240")

import textual._wait

textual._wait.SLEEP_GRANULARITY = 1 / 100


@pytest.fixture(scope="session")
def warm_screen() -> Iterator[WarmPython]:
    """What apps in a terminal are forked from."""
    with warm_python(SCREEN) as warm:
        yield warm
