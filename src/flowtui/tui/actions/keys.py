"""Keys: which ones terminals send, how a person writes them, how Textual names them."""

from __future__ import annotations

import string
from collections.abc import Sequence

from textual.keys import _character_to_key, format_key

from flowtui.model.spelling import did_you_mean

_MOVING = ("up", "down", "left", "right", "home", "end", "pageup", "pagedown", "insert", "delete")
_NAMED = ("enter", "tab", "shift+tab", "escape", "space", "backspace", *_MOVING)
_MODIFIERS = ("ctrl", "shift", "alt", "super", "hyper", "meta")
#: What people write for keys that Textual calls otherwise.
_OTHER_NAMES = {
    "esc": "escape",
    "pgup": "pageup",
    "pgdn": "pagedown",
    "del": "delete",
    "return": "enter",
    "ins": "insert",
}

#: Keys that reach a terminal's program as another key.
_SAME_AS = {"ctrl+i": "tab", "ctrl+m": "enter", "ctrl+j": "enter", "ctrl+h": "backspace", "ctrl+[": "escape"}
#: Keys that something between the keyboard and us may keep for itself; good enough beside another one.
SWALLOWED = {
    "ctrl+a": "the prefix of screen",
    "ctrl+b": "the prefix of tmux",
    "ctrl+s": "flow control: it stops a terminal's output",
    "ctrl+q": "flow control: it lets a terminal's output go on",
    "f10": "the menu of many terminals' windows",
    "f11": "the full screen of many terminals' windows",
}
_KNOWN = (
    frozenset(
        {
            *(f"ctrl+{letter}" for letter in string.ascii_lowercase),
            *(f"alt+{letter}" for letter in string.ascii_lowercase),
            *(f"{modifier}+{key}" for modifier in ("ctrl", "shift", "alt") for key in _MOVING[:8]),
            *(f"f{number}" for number in range(1, 13)),
            *_NAMED,
        }
    )
    - _SAME_AS.keys()
)


def key_named(text: str) -> str:
    """Return Textual's name of a key that a person writes as `?`, `x`, `f5`, `pgup`, `ctrl+r` or `question_mark`.

    Raises:
        ValueError: if there is no such key, or terminals do not send it; its text says why and what to do.
    """
    if len(text) == 1 and text.isprintable():
        return "space" if text == " " else str(_character_to_key(text))
    key = _OTHER_NAMES.get(text.lower(), text.lower())
    if key in _KNOWN or key in _PUNCTUATION:
        return key
    if key in _SAME_AS:
        raise ValueError(f"terminals send '{_SAME_AS[key]}' for '{text}': write that, or choose another key")
    modifiers, _, last = key.rpartition("+")
    if modifiers == "shift" and len(last) == 1:
        raise ValueError(f"'{text}' is the character that it types: write '{last.upper()}'")
    if modifiers and (len(last) == 1 or last in (*_KNOWN, *_PUNCTUATION)) and not _unknown_modifier(modifiers):
        raise ValueError(f"terminals do not send '{text}', or send it as another key: choose another one")
    close = did_you_mean(key, (*_KNOWN, *_OTHER_NAMES))
    raise ValueError(f"'{text}' is no key{close}: write a character, 'f5', 'pageup' or 'ctrl+r', in quotes")


def _unknown_modifier(modifiers: str) -> bool:
    return any(each not in _MODIFIERS for each in modifiers.split("+"))


_PUNCTUATION = {str(_character_to_key(char)): char for char in string.punctuation}


def shown_key_name(key: str) -> str:
    """Return a key as a person reads it."""
    return key if key in ("enter", "backspace") else format_key(key)


def written_key(key: str) -> str:
    """Return a key as a person writes it."""
    return _PUNCTUATION.get(key, key)


def shown_keys(keys: Sequence[str]) -> str:
    """Return keys as a person reads them."""
    return " ".join(map(shown_key_name, keys))
