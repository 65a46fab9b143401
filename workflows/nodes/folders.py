"""Moving files between the folders that show how far each has come."""

from __future__ import annotations

import os
from pathlib import Path

_SPARE = 50


def move(name: str, source: Path, target: Path) -> bool:
    """Move a file; return False if it is not in `source`, as when an item is worked on for a second time."""
    target.mkdir(parents=True, exist_ok=True)
    try:
        os.replace(source / name, target / name)
    except FileNotFoundError:
        return False
    return True


def prune(folder: Path, keep: int) -> None:
    """Delete all but about `keep` files of a folder, those that come first in the order of their names."""
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    if len(names) > keep + _SPARE:
        for name in names[: len(names) - keep]:
            (folder / name).unlink(missing_ok=True)
