"""Files that a person has something written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from flowtui.model.errors import FlowtuiError


def file_refusal(text: str) -> str:
    """Return why nothing can be written there, empty if it can."""
    if not text:
        return "it needs a name"
    try:
        path = Path(text).expanduser()
        if path.is_dir():
            return f"{path} is a folder: add a file name"
        if path.exists():
            return f"{path} is there already: choose another name"
        return "" if path.parent.is_dir() else f"there is no folder {path.parent}"
    except (OSError, RuntimeError, ValueError) as error:  # too long, no such user, a NUL
        return f"this is no name for a file: {getattr(error, 'strerror', None) or error}"


def write_new(name: str, texts: Iterable[str]) -> Path:
    """Write texts to a file that is not there yet; return its full path.

    Raises:
        FlowtuiError: if it is there, or cannot be written.
    """
    path = Path(name).expanduser()
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(texts)
    except OSError as error:
        raise FlowtuiError(f"{path} is not written: {error.strerror or error}.") from None
    return path.absolute()
