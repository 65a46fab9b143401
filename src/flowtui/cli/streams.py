"""The three standard streams as commands need them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO


def open_closed_streams() -> None:
    """Open standard streams that whoever started us has closed, as some supervisors do, on nothing.

    Otherwise the next file that is opened takes the place of one, and what is printed ends up in it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - lives as long as we do


@contextmanager
def results() -> Iterator[TextIO]:
    """Yield standard output for results alone; from now on all else that is written there goes to standard error.

    Nodes and their child processes may print at any time, and programs read our results.
    """
    sys.stdout.flush()
    if isinstance(sys.stdout, io.TextIOWrapper):  # else what is printed comes late, behind our own errors
        sys.stdout.reconfigure(line_buffering=True)
    out = os.fdopen(os.dup(1), "w", encoding=sys.stdout.encoding, errors="backslashreplace")
    os.dup2(2, 1)
    try:
        yield out
        out.flush()
    except BaseException:
        _let_go(out)
        raise
    finally:
        out.close()


def _let_go(out: TextIO) -> None:
    try:
        out.flush()
    except OSError:
        # Nobody takes it, as after `| head`: at its end Python must not try again and complain.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, out.fileno())
        os.close(nowhere)
