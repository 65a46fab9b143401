"""flowtui's own settings: where state lives, which store, how much to log."""

from __future__ import annotations

import fcntl
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_state_path

from flowtui.model.errors import StateDirError


@dataclass(frozen=True, slots=True)
class Settings:
    """What the flags and the environment say.

    Attributes:
        store: `auto`, `local`, `memory` or a Redis URL.
        redis_url: the URL that `auto` takes, None if none is configured.
        state_dir: where flowtui keeps what must outlive it, one per workflow folder.
        namespace: prefix of all keys in the store.
        log_level: a `logging` level.
    """

    store: str
    redis_url: str | None
    state_dir: Path
    namespace: str
    log_level: int


def default_state_dir(folder: Path) -> Path:
    """Return the state directory of a workflow folder, by its real path, so that each name of it leads to one."""
    real = folder.resolve()
    digest = hashlib.blake2b(os.fsencode(real), digest_size=5).hexdigest()
    return user_state_path("flowtui") / f"{real.name or 'root'}-{digest}"


class StateDirLock:
    """Makes sure that one engine runs on a state directory; the kernel releases it however the process ends."""

    def __init__(self, state_dir: Path) -> None:
        """Take the lock.

        Raises:
            StateDirError: if the directory cannot be made or another engine holds it.
        """
        path = state_dir / "engine.lock"
        try:
            state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = path.open("a+")
        except OSError as error:
            raise StateDirError(
                f"cannot use the state directory {state_dir}: {error.strerror or error}; "
                f"choose another with --state-dir"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "unknown"
            self._file.close()
            raise StateDirError(
                f"another flowtui (process {holder}) already runs with the state directory {state_dir}; "
                f"leave that one first, or choose another directory with --state-dir"
            ) from error
        # A child that a node forks must not hold the lock when this process is gone.
        os.register_at_fork(after_in_child=self._file.close)
        self._file.truncate(0)
        self._file.write(f"{os.getpid()}\n")
        self._file.flush()

    def release(self) -> None:
        """Let another engine take over."""
        self._file.close()
