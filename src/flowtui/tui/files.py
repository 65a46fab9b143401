"""Files that a person has something written to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

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


@contextmanager
def new_file(path: Path) -> Iterator[TextIO]:
    """Open a file that is not there yet; it is removed again if what is done with it fails or is cancelled.

    Raises:
        FlowtuiError: if it is there, or cannot be written, or if what is done with it raises one.
    """
    try:
        with path.open("x", encoding="utf-8", errors="backslashreplace") as file:
            try:
                yield file
                file.flush()  # only now a full disk may turn up
            except BaseException:
                path.unlink(missing_ok=True)
                raise
    except OSError as error:
        raise FlowtuiError(f"{path} is not written: {error.strerror or error}.") from None
    except FlowtuiError as error:
        raise FlowtuiError(f"{path} is not written: {error}") from error


def write_new(name: str, texts: Iterable[str]) -> Path:
    """Write texts to a file that is not there yet; return its full path.

    Raises:
        FlowtuiError: if it is there, or cannot be written.
    """
    path = Path(name).expanduser()
    with new_file(path) as file:
        file.writelines(texts)
    return path.absolute()
