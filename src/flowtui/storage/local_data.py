"""Where the private server of a state directory keeps its data. To ask for it loads nothing of the store."""

from __future__ import annotations

from pathlib import Path

#: In a state directory.
FOLDER_NAME = "store"


def has_data(state_dir: Path) -> bool:
    """Return whether a server has ever kept data in this state directory."""
    return (state_dir / FOLDER_NAME / "appendonlydir").exists()
