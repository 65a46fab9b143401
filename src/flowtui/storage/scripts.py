"""The Lua scripts: every move of an item is one call of one of these."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """Return the text of the script `name`, ready to be sent."""
    folder = resources.files("flowtui.storage") / "lua"
    parts = ("common", "letter_common", name) if name.startswith("letter_") else ("common", name)
    return "".join((folder / f"{part}.lua").read_text(encoding="utf-8") for part in parts)
