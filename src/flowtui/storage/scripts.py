"""The Lua scripts: every move of an item is one call of one of these."""

from __future__ import annotations

from functools import cache
from importlib import resources


@cache
def script(name: str) -> str:
    """Return the text of the script `name`, ready to be sent."""
    folder = resources.files("flowtui.storage") / "lua"
    common = (folder / "common.lua").read_text(encoding="utf-8")
    return common + (folder / f"{name}.lua").read_text(encoding="utf-8")
