"""Texts that the files of a folder once had, so that they can be given back: the last few of each.

With a place on disk they survive the process. One directory there belongs to one file; a text's name tells when the
file last came to have it, its digest, and whether it loaded without errors.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flowtui.model.workflows import KeptText
from flowtui.workflow.source import text_digest

#: Of each file.
MOST_TEXTS = 10
#: Files that are gone of which texts are still kept.
MOST_GONE = 20
_NAME = re.compile(r"(?P<at>\d{20})-(?P<digest>[0-9a-f]{16})\.(?P<kind>good|broken)")
_log = logging.getLogger("flowtui.reload")


@dataclass(frozen=True, slots=True)
class _Kept:
    """A text: on disk under `name`, else in `text`."""

    at_ns: int
    digest: str
    is_good: bool
    name: str = ""
    text: bytes = b""
    revision: int = 0

    def told(self) -> KeptText:
        return KeptText(self.digest, self.at_ns / 1e9, self.is_good, self.revision)


class KeptTexts:
    """The texts of one folder's files, which are named within the folder. From any thread; never raises."""

    def __init__(self, place: Path | None) -> None:
        """`place` is a directory of their own; without one they are kept in memory."""
        self._place = place
        self._texts: dict[str, list[_Kept]] | None = None  # the newest first
        self._lock = threading.Lock()

    def keep(self, name: str, text: bytes, *, is_good: bool, revision: int = 0) -> None:
        """Take note that a file has this text now."""
        digest = text_digest(text)
        with self._lock:
            texts = self._all().setdefault(name, [])
            known = next((each for each in texts if each.digest == digest), None)
            if known is not None and known is texts[0] and known.is_good >= is_good:
                texts[0] = replace(known, revision=revision or known.revision)
                return
            at = max(time.time_ns(), texts[0].at_ns + 1 if texts else 0)
            is_good = is_good or (known is not None and known.is_good)
            revision = revision or (known.revision if known else 0)
            kept = self._write(name, _Kept(at, digest, is_good, text=text, revision=revision))
            rest = [each for each in texts if each is not known]
            texts[:] = [kept, *rest[: MOST_TEXTS - 1]]
            for each in (*rest[MOST_TEXTS - 1 :], *([known] if known else [])):
                self._remove(name, each)

    def of(self, name: str) -> tuple[KeptText, ...]:
        """Return the texts of a file, the newest first."""
        with self._lock:
            return tuple(each.told() for each in self._all().get(name, ()))

    def read(self, name: str, digest: str) -> bytes | None:
        """Return one text; None if it is not there any more, or not what it was."""
        with self._lock:
            kept = next((each for each in self._all().get(name, ()) if each.digest == digest), None)
            if kept is None:
                return None
            text = kept.text if not kept.name else self._read(name, kept)
            return text if text is not None and text_digest(text) == digest else None

    def names(self) -> tuple[str, ...]:
        """Return the files of which there are texts, by name."""
        with self._lock:
            return tuple(sorted(name for name, texts in self._all().items() if texts))

    def forget(self, name: str) -> None:
        """Keep no text of a file any more."""
        with self._lock:
            self._all().pop(name, None)
            if self._place is not None:
                shutil.rmtree(self._directory(name), ignore_errors=True)

    def forget_gone(self, there: set[str]) -> None:
        """Of the files that are not there keep those that were changed last."""
        gone = sorted(set(self.names()) - there, key=lambda name: -self.of(name)[0].at)
        for name in gone[MOST_GONE:]:
            self.forget(name)

    # On disk

    def _all(self) -> dict[str, list[_Kept]]:
        if self._texts is None:
            self._texts = dict(self._found()) if self._place is not None else {}
        return self._texts

    def _found(self) -> Iterator[tuple[str, list[_Kept]]]:
        assert self._place is not None
        try:
            directories = [each for each in os.scandir(self._place) if each.is_dir()]
        except OSError:
            return
        for directory in directories:
            matches = [match for each in _listed(directory.path) if (match := _NAME.fullmatch(each))]
            texts = [_Kept(int(m["at"]), m["digest"], m["kind"] == "good", m[0]) for m in matches]
            newest: dict[str, _Kept] = {}
            for each in sorted(texts, key=lambda each: -each.at_ns):
                newest.setdefault(each.digest, each)  # another engine on the folder may have kept it too
            yield _unescaped(directory.name), list(newest.values())

    def _directory(self, name: str) -> Path:
        assert self._place is not None
        return self._place / name.replace("%", "%25").replace("/", "%2F")

    def _write(self, name: str, kept: _Kept) -> _Kept:
        """Put a text on disk; where that can't be it stays in memory."""
        if self._place is None:
            return kept
        written = f"{kept.at_ns:020}-{kept.digest}.{'good' if kept.is_good else 'broken'}"
        try:
            directory = self._directory(name)
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor, half = tempfile.mkstemp(dir=directory, prefix=".")
            with contextlib.ExitStack() as if_it_fails:
                if_it_fails.callback(Path(half).unlink)
                with os.fdopen(descriptor, "wb") as file:
                    file.write(kept.text)
                os.replace(half, directory / written)
                if_it_fails.pop_all()
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            _log.warning("the text of %s is kept in memory only: %s can't be written: %s", name, self._place, reason)
            return kept
        return replace(kept, name=written, text=b"")

    def _read(self, name: str, kept: _Kept) -> bytes | None:
        try:
            return (self._directory(name) / kept.name).read_bytes()
        except OSError:
            return None

    def _remove(self, name: str, kept: _Kept) -> None:
        if kept.name:
            with contextlib.suppress(OSError):
                (self._directory(name) / kept.name).unlink()


def _listed(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _unescaped(name: str) -> str:
    return name.replace("%2F", "/").replace("%25", "%")
