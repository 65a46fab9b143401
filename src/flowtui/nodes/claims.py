"""Claiming files: each is taken by one of all who look into a folder, and a crash leaves no claim behind for good."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from flowtui.model.ids import derived_id
from flowtui.nodes.file_names import shown

_LOCK = ".lock"
_CLAIM = re.compile(r"(\d{8,})-(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that has been taken.

    Attributes:
        number: rises from claim to claim of one desk.
        name: what the file was called.
        path: where it is now.
        status: as of `lstat`.
        id: always the same for the same file, as long as nobody writes to it.
    """

    number: int
    name: str
    path: Path
    status: os.stat_result
    id: str


class ClaimDesk:
    """A folder of claims that only this run uses: its lock tells others that it is alive.

    Attributes:
        name: of the folder, unique to this run.
    """

    def __init__(self, claimed: Path, owner: str, inbox: Path) -> None:
        """`claimed` holds the folders of all runs; those of `owner` may be taken over when their run has ended."""
        self._claimed = claimed
        self._owner = re.sub(r"[^\w.-]", "_", owner)
        self._inbox = inbox
        self._last = 0
        self._lock = -1
        self.name = ""

    def open(self) -> None:
        """Make the folder and lock it.

        Raises:
            OSError: if that is impossible there.
        """
        while self._lock < 0:
            self.name = f"{self._owner}.{os.urandom(4).hex()}"
            (self._claimed / self.name).mkdir(parents=True)
            self._lock = _locked(self._claimed / self.name)

    def close(self) -> None:
        """Unlock the folder, and remove it if no claim is in it."""
        if self._lock >= 0:
            _remove(self._claimed / self.name)
            os.close(self._lock)
            self._lock = -1

    def take(self, name: str, settled: os.stat_result) -> Claim | None:
        """Claim a file of the inbox that looked like `settled`; None if it has gone or changed meanwhile.

        Raises:
            OSError: if it cannot be taken.
        """
        source = self._inbox / name
        target = self._next(name)
        try:
            os.rename(source, target)
        except FileNotFoundError:
            os.stat(target.parent)  # unless it is the folder of claims that is gone
            return None
        status = os.lstat(target)
        if is_same(status, settled):
            return self._claim(target, name, status)
        if stat.S_ISREG(status.st_mode):
            with contextlib.suppress(OSError):  # there is a newer one of that name: then this one is complete
                os.link(target, source)
                os.unlink(target)
                return None
            return self._claim(target, name, status)
        os.rename(target, source)
        return None

    def renew(self) -> None:
        """Make the folder again if somebody has deleted it.

        Raises:
            OSError: if that is impossible.
        """
        if self._lock >= 0 and not (self._claimed / self.name).exists():
            os.close(self._lock)
            self._lock = -1
            self.open()

    def adopt(
        self, finished: Mapping[str, int], take: Callable[[Claim], None], put_away: Callable[[Claim], object]
    ) -> dict[str, int]:
        """Take over the claims of ended runs of the same owner; return what of `finished` still counts.

        Args:
            finished: by folder the number up to which its claims are done with.
            take: is given each that is still to be worked on, a claim of this desk now.
            put_away: is given each that is done with, to find a place for it; else it comes again next time.

        Raises:
            OSError: if a claim cannot be taken over.
        """
        standing = {}
        for folder in self._others():
            lock = _locked(folder)
            if lock >= 0:
                try:
                    self._adopt(folder, finished.get(folder.name, 0), take, put_away)
                finally:
                    _remove(folder)
                    os.close(lock)
            if folder.name in finished and folder.exists():
                standing[folder.name] = finished[folder.name]
        return standing

    def _adopt(
        self, folder: Path, finished: int, take: Callable[[Claim], None], put_away: Callable[[Claim], object]
    ) -> None:
        for number, name in _claims_in(folder):
            path = folder / f"{number:08d}-{name}"
            status = os.lstat(path)
            if number <= finished:
                # Only when it has left this folder may its number be forgotten.
                put_away(Claim(number, name, path, status, self._id(name, status)))
            else:
                target = self._next(name)
                os.rename(path, target)
                take(self._claim(target, name, status))

    def _others(self) -> list[Path]:
        pattern = re.compile(re.escape(self._owner) + r"\.[0-9a-f]{8}")
        with os.scandir(self._claimed) as entries:
            names = [each.name for each in entries if each.name != self.name and pattern.fullmatch(each.name)]
        return [self._claimed / name for name in sorted(names)]

    def _next(self, name: str) -> Path:
        return self._claimed / self.name / f"{self._last + 1:08d}-{name}"

    def _claim(self, path: Path, name: str, status: os.stat_result) -> Claim:
        self._last += 1
        return Claim(self._last, name, path, status, self._id(name, status))

    def _id(self, name: str, status: os.stat_result) -> str:
        return derived_id(shown(self._inbox / name), str(status.st_ino), status.st_mtime_ns)


def is_same(one: os.stat_result, other: os.stat_result) -> bool:
    """Return whether a file looks as it did before."""
    return (one.st_ino, one.st_size, one.st_mtime_ns, one.st_mode) == (
        other.st_ino,
        other.st_size,
        other.st_mtime_ns,
        other.st_mode,
    )


def _claims_in(folder: Path) -> list[tuple[int, str]]:
    found = filter(None, map(_CLAIM.fullmatch, os.listdir(folder)))
    return sorted((int(match[1]), match[2]) for match in found)


def _locked(folder: Path) -> int:
    """Lock a folder of claims; return the lock's file descriptor, -1 if another run holds it or it is gone."""
    path = folder / _LOCK
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except FileNotFoundError:
        return -1
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.path.samestat(os.fstat(lock), os.stat(path)):
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(lock)
        raise
    os.close(lock)
    return -1


def _remove(folder: Path) -> None:
    """Remove a locked folder of claims that has none."""
    with contextlib.suppress(OSError):
        if os.listdir(folder) == [_LOCK]:
            os.unlink(folder / _LOCK)
            os.rmdir(folder)
