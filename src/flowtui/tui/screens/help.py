"""The help: all keys and signs."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope
from flowtui.tui.actions.keymap import shown_key
from flowtui.tui.actions.registry import Keymap, by_group
from flowtui.tui.details import Detail, Entry, heading


def help_detail(screen: Scope, keymap: Keymap) -> Detail:
    """Return the keys of a screen, from the registry of actions: first those which no other has."""
    entries: list[Entry] = []
    palette = shown_key("command_palette", keymap)
    for group, actions in by_group(screen, keymap).items():
        entries.append(heading(group))
        entries += [_entry(action, palette) for action in actions]
    entries += [
        heading("Signs"),
        Entry("▶ ▷ ‖", "running · running, waits for something · paused"),
        Entry("▼ ◌ ↻", "draining · starting or stopping · its process died, starts again"),
        Entry("■ ✔ ✖", "stopped · completed · failed"),
        Entry("○ ● ◆ !", "node: not run yet · well · well, chooses a branch · stalled"),
        Entry("† ‡ ↻ ~ !", "dead letter · of production · being replayed · edited · could not be run"),
        Entry("~ + - >", "inspector, reloads: changed · added · removed · moved within its list"),
        Entry("mouse", "click chooses, double click opens, the wheel scrolls; with shift the terminal selects text"),
    ]
    return Detail("Help", tuple(entries))


def _entry(action: Action, palette: str) -> Entry:
    """Return an action's line: what to press, or how it is called in the palette."""
    return Entry(action.shown, action.help) if action.shown else Entry(palette, f"{action.label}: {action.help}")
