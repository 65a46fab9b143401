"""Looking at processes that others have started."""

from __future__ import annotations

import psutil


def is_gone(process: psutil.Process | int) -> bool:
    """Tell whether a process has ended, be it that nobody has taken note of that yet."""
    try:
        found = psutil.Process(process) if isinstance(process, int) else process
        return bool(found.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
