"""How much the property tests try: little each time, and more in long runs."""

from __future__ import annotations

import os


def tries(usual: int) -> int:
    """Return on how many examples a property is tried: FLOWTUI_EXAMPLES times as many as usual."""
    return usual * int(os.environ.get("FLOWTUI_EXAMPLES", "1"))
