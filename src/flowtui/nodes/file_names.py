"""Names of files as text, and moving files without overwriting any."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

#: So many files of one name are told apart by a number, further ones by what the caller gives.
_MOST_NUMBERED = 100


def shown(name: str | Path) -> str:
    r"""Return a name as text that JSON and UTF-8 can hold: bytes that are no UTF-8 as `\xff`."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def why(error: OSError) -> str:
    """Return what the operating system says, without number and names."""
    return error.strerror or str(error)


def move(source: Path, folder: Path, name: str, apart: str) -> Path:
    """Move a file into a folder, making that if need be; return where it is now.

    If there is one of that name, it gets a number, `name-2.txt`, and when there are many, `apart` instead.

    Raises:
        FileNotFoundError: if there is no such file.
        OSError: if it cannot be moved; it is where it was then.
    """
    status = os.lstat(source)
    folder.mkdir(parents=True, exist_ok=True)
    for target in _targets(folder, name, apart):
        try:
            return _moved(source, target)
        except FileExistsError:
            if os.path.samestat(os.lstat(target), status):  # a crash has come in between
                os.unlink(source)
                return target
    raise FileExistsError(errno.EEXIST, "too many files of that name", str(folder / name))


def _targets(folder: Path, name: str, apart: str) -> Iterator[Path]:
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    for mark in itertools.chain([""], (f"-{n}" for n in range(2, _MOST_NUMBERED)), [f"-{apart}"]):
        yield folder / f"{stem}{mark}{dot}{suffix}"


def _moved(source: Path, target: Path) -> Path:
    try:
        os.link(source, target, follow_symlinks=False)  # unlike a rename it overwrites nothing
    except FileExistsError:
        raise
    except OSError:  # another disk, or one without links
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            _replace(source, target)
        except BaseException:
            os.unlink(target)
            raise
    else:
        os.unlink(source)
    return target


def _replace(source: Path, target: Path) -> None:
    try:
        os.replace(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        # Another file system: whole or not at all.
        part = target.with_name(f".{target.name}.part")
        try:
            shutil.copy2(source, part, follow_symlinks=False)
            with part.open("rb") as copy:
                os.fsync(copy.fileno())
            os.replace(part, target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        os.unlink(source)
