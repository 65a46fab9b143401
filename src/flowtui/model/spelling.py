"""Which name was meant by one that does not exist."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def closest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that a misspelt one most likely stands for, None if none is close.

    Letters in the wrong order are the likeliest slip: `fi` is `if`, and `setp` is `step` rather than `stop`.
    """
    names = sorted(known)
    letters = sorted(name)
    for each in names:
        if sorted(each) == letters:
            return each
    close = difflib.get_close_matches(name, names, n=1)
    return close[0] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ` (did you mean 'x'?)` for the known name that is closest, or nothing."""
    close = closest(name, known)
    return f" (did you mean {close!r}?)" if close else ""
