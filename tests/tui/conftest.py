"""Lets the tests of the screen import what they share, and not wait longer than they must."""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# Textual paints 60 times a second, and its pilot takes 20 ms of silence for "done". Both halved, the order is the same.
os.environ.setdefault("TEXTUAL_FPS", "240")

import textual._wait

textual._wait.SLEEP_GRANULARITY = 1 / 100
