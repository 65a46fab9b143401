"""Looking at processes that others have started."""

from __future__ import annotations

import contextlib

import psutil


def is_gone(process: psutil.Process | int) -> bool:
    """Tell whether a process has ended, be it that nobody has taken note of that yet."""
    try:
        found = psutil.Process(process) if isinstance(process, int) else process
        return bool(found.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def children_with(*words: str, of: int | None = None) -> list[psutil.Process]:
    """Return the living children of a process, this one if none is named, that were started with these words."""
    found = []
    for child in psutil.Process(of).children():
        with contextlib.suppress(psutil.Error):  # one that ends meanwhile has no command line
            if {*words} <= {*child.cmdline()} and not is_gone(child):
                found.append(child)
    return found
