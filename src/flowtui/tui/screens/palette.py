"""The command palette."""

from __future__ import annotations

from textual.command import CommandList, CommandPalette


class Palette(CommandPalette):
    """Textual's palette, which here survives the keys that move through its list while that is not there yet."""

    def _action_command_list(self, action: str) -> None:
        # A list that has no room has no lines either, and moving by pages in it raises KeyError.
        if self.query_one(CommandList).size.area:
            super()._action_command_list(action)
