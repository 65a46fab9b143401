"""The private server: one for each state directory, on a unix socket, shared by the processes that open it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
import threading
import time
from pathlib import Path

from flowtui.model.errors import StoreError
from flowtui.storage.local_data import FOLDER_NAME
from flowtui.storage.server_process import (
    SOCKET_NAME,
    START_TIMEOUT_S,
    Answer,
    ServerProcess,
    ask,
    end_orphan,
    hold,
    let_go,
)

_POLL_S = 0.02
_ATTACHED_POLL_S = 1.0

# A socket's path may have 104 bytes on some systems, its closing zero included.
_SOCKET_PATH_LIMIT = 100

_BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0)
# A server that lived this long did not end because of how it was started.
_STEADY_S = 30.0


class LocalServer:
    """Runs the server of a state directory, or uses the one that another process runs there.

    Whoever holds the directory's lock runs the server. When that process ends its server ends too, and another process
    that uses it takes over. A server that ends by itself is started again.

    Attributes:
        trouble: empty while the server runs, else one sentence.
    """

    def __init__(self, state_dir: Path, binary: Path) -> None:
        """Prepare the folders; nothing runs yet.

        Raises:
            StoreError: if the state directory cannot be used.
        """
        self.trouble = ""
        self._binary = binary
        try:
            state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            # A relative path would follow the process's working directory.
            self._lock_path = state_dir.resolve() / "server.lock"
            self._folder = state_dir.resolve() / FOLDER_NAME
            self._folder.mkdir(mode=0o700, exist_ok=True)
            self._folder.chmod(0o700)
        except OSError as error:
            raise _unusable(state_dir, error) from error
        self._ending = threading.Event()
        # Held while a server is being started or stopped.
        self._change = threading.Lock()
        self._lock_file: int | None = None
        self._process: ServerProcess | None = None
        self._thread = threading.Thread(target=self._watch, name="flowtui-local-server", daemon=True)

    @staticmethod
    def running_at(state_dir: Path) -> str | None:
        """Return where the server of a state directory listens, None if none runs."""
        path = _socket_path(state_dir.resolve() / FOLDER_NAME)
        deadline = time.monotonic() + START_TIMEOUT_S
        while (answer := ask(path)) is Answer.LOADING and time.monotonic() < deadline:
            time.sleep(_POLL_S)
        return path if answer is Answer.READY else None

    @staticmethod
    def left_socket(state_dir: Path) -> str | None:
        """Return the socket that a killed server has left in this state directory, None if there is none.

        The next server takes its place.
        """
        path = _socket_path(state_dir.resolve() / FOLDER_NAME)
        return path if os.path.exists(path) and ask(path) is Answer.SILENCE else None

    @property
    def socket_path(self) -> str:
        """Where the server listens; the process that runs it decides."""
        return _socket_path(self._folder)

    def start(self) -> None:
        """Return when a server answers.

        Raises:
            StoreError: if none can be had.
        """
        try:
            self._begin()
        except BaseException:
            self._release()
            raise
        self._thread.start()

    def close(self) -> None:
        """End the server if this process runs it; its data stays. From any thread."""
        self._ending.set()
        with self._change:
            self._release()
        if self._thread.ident is not None:
            self._thread.join()

    def _begin(self) -> None:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not self._ending.is_set():
            with self._change:
                process = self._run() if self._take_lock() else None
            if process is not None:
                return process.wait_until_ready()
            answer = ask(self.socket_path)
            if answer is Answer.READY:
                return None
            if answer is Answer.LOADING:
                deadline = time.monotonic() + START_TIMEOUT_S
            if time.monotonic() > deadline:
                raise StoreError(
                    f"another process holds {self._lock_path} but its store does not answer: end that process"
                )
            self._ending.wait(_POLL_S)
        return None

    def _run(self) -> ServerProcess:
        if self._process is not None:
            self._process.stop()
        try:
            end_orphan(self._folder, self.socket_path)
            listen_at = _socket_for(self._folder)
            if self.socket_path != os.path.join(self._folder, listen_at):
                (self._folder / "socket").write_text(listen_at)
            self._process = ServerProcess(self._binary, self._folder, listen_at)
        except OSError as error:
            raise _unusable(self._folder, error) from error
        return self._process

    def _take_lock(self) -> bool:
        """Return whether this process is the one to run the server; the system frees the lock however it ends."""
        if self._ending.is_set():
            return False
        if self._lock_file is not None:
            return True
        try:
            descriptor = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self._lock_path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock_file = hold(descriptor)
        return True

    def _release(self) -> None:
        if self._process is not None:
            self._process.stop()
            self._process = None
        if self._lock_file is not None:
            let_go(self._lock_file)
            self._lock_file = None

    def _watch(self) -> None:
        failures = 0
        while not self._ending.is_set():
            began = time.monotonic()
            reason = self._until_it_ends()
            if time.monotonic() - began > _STEADY_S:
                failures = 0
            while not self._ending.is_set():
                delay = _BACKOFF_S[min(failures, len(_BACKOFF_S) - 1)]
                failures += 1
                self.trouble = f"{reason}; next attempt in {delay:g} s"
                self._ending.wait(delay)
                try:
                    self._begin()
                except StoreError as error:
                    reason = str(error)
                else:
                    self.trouble = ""
                    break

    def _until_it_ends(self) -> str:
        process = self._process
        if process is not None:
            process.wait()
            return f"the local store ended ({process.cause()})"
        while ask(self.socket_path) is not Answer.SILENCE and not self._ending.wait(_ATTACHED_POLL_S):
            pass
        return "the process that ran the local store ended"


def _socket_path(folder: Path) -> str:
    with contextlib.suppress(OSError):
        return str(folder / (folder / "socket").read_text().strip())
    return str(folder / SOCKET_NAME)


def _socket_for(folder: Path) -> str:
    """Return where a server that works in `folder` shall listen: there, unless the path is too long for a socket."""
    if len(os.fsencode(folder / SOCKET_NAME)) <= _SOCKET_PATH_LIMIT:
        return SOCKET_NAME
    name = f"flowtui-{os.getuid()}-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"
    for base in (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp"):
        path = Path(base, name, SOCKET_NAME)
        if not os.path.isabs(base) or not os.path.isdir(base) or len(os.fsencode(path)) > _SOCKET_PATH_LIMIT:
            continue
        path.parent.mkdir(mode=0o700, exist_ok=True)
        found = path.parent.lstat()
        # The folder stands where others may write: it must be ours alone.
        if stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid():
            path.parent.chmod(0o700)
            return str(path)
    raise StoreError(f"the path {folder} is too long for a socket: choose a shorter state directory")


def _unusable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"the state directory cannot be used ({path}: {error.strerror or error}): choose another one")
