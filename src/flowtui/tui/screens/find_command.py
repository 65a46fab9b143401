"""`find 4711` as a command of the palette."""

from __future__ import annotations

import re
from functools import partial

from textual.command import Hit, Hits, Provider

from flowtui.tui.cells import safe
from flowtui.tui.screens.frame import FrameScreen

_FIND = re.compile(r"\s*find\s+(\S.*)", re.IGNORECASE)


class FindCommand(Provider):
    """Offers to look for what stands behind `find`."""

    async def search(self, query: str) -> Hits:
        found = _FIND.fullmatch(query)
        if found is not None and isinstance(self.screen, FrameScreen):
            text = found[1].strip()
            # Above all commands in whose names these letters happen to stand.
            yield Hit(2.0, safe(f"Find {text}"), partial(self.screen.find, text), help="Tell where that item is now.")
