"""One connection to an SQLite file, in a thread of its own."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from flowtui.model.errors import NodeError

T = TypeVar("T")
#: After these the connection is as good as before.
_HARMLESS = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.InterfaceError)
#: SQLite itself waits so many seconds at most while others hold the file: no interrupt ends that.
_SLICE_S = 0.1


class SqliteFile:
    """The database at the path of the last call; sqlite3's objects belong to the thread that made them."""

    def __init__(self, node: str, *, create: bool) -> None:
        """`node` is named in errors; `create` makes a missing file, and its folders."""
        self._node = node
        self._create = create
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"sqlite-{node}")
        self._connection: sqlite3.Connection | None = None
        self._opened: tuple[Path, int, int, float] | None = None
        self._switching = threading.Lock()
        self._under_way: threading.Event | None = None  # of the call that the thread works on: set to give it up

    async def run(self, path: Path, busy: float, work: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `work` makes of the connection; if it is cancelled, so is the statement under way.

        Args:
            busy: how many seconds to wait while others hold the file.

        Raises:
            NodeError: if SQLite refuses; what had begun is rolled back.
        """
        given_up = threading.Event()
        call = asyncio.get_running_loop().run_in_executor(self._thread, self._call, path, busy, work, given_up)
        try:
            return await asyncio.shield(call)
        except asyncio.CancelledError:
            given_up.set()
            while not call.done():
                self._interrupt(given_up)
                # Again and again, as the statement may not have begun yet.
                await asyncio.wait([call], timeout=0.01)
            call.exception()
            raise

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=False)

    def _call(self, path: Path, busy: float, work: Callable[[sqlite3.Connection], T], given_up: threading.Event) -> T:
        ends_at = time.monotonic() + busy
        self._begin(given_up)
        try:
            while not given_up.is_set():
                try:
                    return self._once(path, min(busy, _SLICE_S), work)
                except sqlite3.OperationalError as error:
                    if not _is_busy(error) or time.monotonic() >= ends_at:
                        raise
            raise NodeError(f"{self._node}: nobody waits for {path} any more")
        except (sqlite3.Error, sqlite3.Warning) as error:
            if not isinstance(error, _HARMLESS):
                self._close()
            raise NodeError(f"{self._node}: {_sentence(error, path)}") from error
        except OverflowError as error:
            raise NodeError(f"{self._node}: a number is too large for SQLite, which has 64 bits: {error}") from error
        finally:
            self._begin(None)

    def _begin(self, call: threading.Event | None) -> None:
        with self._switching:
            self._under_way = call

    def _interrupt(self, call: threading.Event) -> None:
        """Interrupt the statement under way if it is that of this call: others have done nothing wrong."""
        with self._switching:
            if self._under_way is call and self._connection is not None:
                self._connection.interrupt()

    def _once(self, path: Path, busy: float, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._open(path, busy)
        try:
            return work(connection)
        finally:
            if connection.in_transaction:
                connection.rollback()

    def _open(self, path: Path, busy: float) -> sqlite3.Connection:
        if self._connection is not None and self._opened == (path, *_identity(path), busy):
            return self._connection
        self._close()
        if self._create:
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise NodeError(f"{self._node}: the folder {path.parent} cannot be made: {error.strerror}") from error
        elif not path.exists():
            raise NodeError(f"{self._node}: there is no database {path}")
        # Not by its path alone, as `mode=rw` never makes a file.
        uri = f"file:{quote(str(path.absolute()))}?mode={'rwc' if self._create else 'rw'}"
        connection = sqlite3.connect(uri, uri=True, timeout=busy, isolation_level=None)
        self._connection = connection
        # Readers and a writer do not wait for each other. A file on a read-only disk stays as it is.
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("PRAGMA synchronous=FULL")  # an item is acknowledged only when its row is safe
        except sqlite3.OperationalError as error:
            if "readonly" not in str(error):
                raise
        self._opened = (path, *_identity(path), busy)
        return connection

    def _close(self) -> None:
        with self._switching:
            if self._connection is not None:
                self._connection.close()
            self._connection = self._opened = None


def _is_busy(error: sqlite3.OperationalError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY


def _identity(path: Path) -> tuple[int, int]:
    """Return what tells a file from another one that was put into its place."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino


def _sentence(error: Exception, path: Path) -> str:
    text = str(error)
    if "locked" in text or "busy" in text:
        return f"another program holds {path} and did not let go in time; raise `busy_timeout`, or retry the node"
    if "disk is full" in text or "database or disk" in text:
        return f"the disk of {path} is full; nothing was written"
    if "not a database" in text:
        return f"{path} is no SQLite database"
    if "malformed" in text:
        return f"{path} is damaged ({text}); restore it, or try `sqlite3 FILE .recover`"
    if "readonly" in text:
        return f"{path} or its folder may only be read"
    if "unable to open" in text:
        return f"{path} cannot be opened; is it a file, and may it be read and written?"
    return f"{text} ({path})"
