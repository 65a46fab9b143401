"""What `flowtui doctor` looks at beside the store: programs, disk, terminal."""

from __future__ import annotations

import contextlib
import curses
import os
import platform
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path

from flowtui.cli.checks import Check, error, ok, size, unknown, warning
from flowtui.model.preferences import Preferences
from flowtui.storage.local_server import LocalServer
from flowtui.tui.surroundings import has_no_screen, locale_of, takes_utf8

_PACKAGES = ("flowtui", "textual", "redis", "pydantic")
_LITTLE_ROOM = 1_000_000_000
_NO_ROOM = 100_000_000
_LEAST_SIZE = (80, 24)
_TMUX_TIMEOUT_S = 2.0
#: The first one that puts what a program gives it on the terminal's clipboard, however it is configured.
_TMUX_WITH_CLIPBOARD = (3, 2)
#: The terminal that the app would have, whatever becomes of standard output.
_TERMINAL = 2


def program_checks() -> Iterator[Check]:
    """Yield which versions run here."""
    packages = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    yield ok("versions", f"Python {platform.python_version()}, {packages}")


def folder_checks(state_dir: Path) -> Iterator[Check]:
    """Yield the rights of the state directory, the room on its disk, and what a killed server has left there."""
    try:
        found = state_dir.stat()
    except FileNotFoundError:
        place = next(folder for folder in state_dir.absolute().parents if folder.exists())
        if os.access(place, os.W_OK | os.X_OK):
            yield ok("state", f"{state_dir} will be made")
        else:
            yield error("state", f"{state_dir} can't be made in {place}", "choose another with --state-dir")
        yield disk_check("disk", place)
        return
    except OSError as problem:
        yield error("state", f"{state_dir}: {problem.strerror}", "choose another with --state-dir")
        return
    rights = stat.S_IMODE(found.st_mode)
    if not os.access(state_dir, os.W_OK | os.X_OK):
        yield error("state", f"{state_dir} can't be written", "choose another with --state-dir, or mend its rights")
    elif rights & 0o077:
        advice = f"chmod 700 {state_dir}"
        yield warning("state", f"{state_dir} is open to other users ({rights:o})", advice)
    else:
        yield ok("state", f"{state_dir}, for you alone ({rights:o})")
    yield disk_check("disk", state_dir)
    if left := LocalServer.left_socket(state_dir):
        yield ok("socket", f"a server that was killed has left {left}; the next one takes its place")


def disk_check(what: str, folder: Path) -> Check:
    """Return whether there is room on the disk that a folder is on."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as problem:
        return unknown(what, found=f"{folder}: {problem.strerror}")
    told = f"{size(free)} free at {folder}"
    if free < _NO_ROOM:
        return error(what, told, "make room: on a full disk the store stops, and loops wait")
    return warning(what, told, "make room before it is full") if free < _LITTLE_ROOM else ok(what, told)


def terminal_checks(env: Mapping[str, str]) -> Iterator[Check]:
    """Yield what the app can expect of the terminal."""
    if not os.isatty(_TERMINAL):
        yield unknown("terminal", found="this is none, so nothing is known of yours")
        return
    yield _kind(env)
    columns, lines = os.get_terminal_size(_TERMINAL)
    if not (columns and lines):
        yield unknown("size", found="the terminal does not tell")
    elif columns < _LEAST_SIZE[0] or lines < _LEAST_SIZE[1]:
        yield warning("size", f"{columns} columns, {lines} lines", "make it 80 by 24 at least")
    else:
        yield ok("size", f"{columns} columns, {lines} lines")
    language = locale_of(env)
    if takes_utf8(env):
        yield ok("letters", language)
    else:
        told = f"{language} is no UTF-8 locale: frames and signs are ASCII, other letters are lost"
        yield warning("letters", told, "export LC_ALL=C.UTF-8")
    yield _clipboard(env)


def preference_checks(preferences: Preferences) -> Iterator[Check]:
    """Yield what is wrong in the file of preferences, or what there is."""
    for problem in preferences.problems:
        yield warning("config", str(problem), "mend it: until then that part is as it is for everybody")
    if not preferences.problems and preferences.file is not None and preferences.file.exists():
        yield ok("config", str(preferences.file))


def _kind(env: Mapping[str, str]) -> Check:
    term = env.get("TERM", "")
    advice = "export TERM=xterm-256color, or tmux-256color within tmux"
    if has_no_screen(env):
        return error("terminal", f"TERM={term or '(not set)'} names none that can show the app", advice)
    try:
        curses.setupterm(term or "unknown", _TERMINAL)
        colours = curses.tigetnum("colors")
        if not curses.tigetstr("cup"):
            return error("terminal", f"TERM={term} can't place a cursor", advice)
    except curses.error:
        return warning("terminal", f"TERM={term or '(not set)'} is not known to this machine", advice)
    if env.get("COLORTERM", "") in ("truecolor", "24bit"):
        colours = 1 << 24
    told = f"TERM={term}, {colours:,} colours{', in tmux' if env.get('TMUX') else ''}"
    return (
        ok("terminal", told)
        if colours >= 16
        else warning("terminal", f"{told}: too few to tell states apart well", advice)
    )


def _clipboard(env: Mapping[str, str]) -> Check:
    if not env.get("TMUX"):
        return unknown("clipboard", found="whether the terminal takes copied text (OSC 52) is not to be asked")
    version = re.search(r"(\d+)\.(\d+)", _tmux("-V"))
    if version is not None and (int(version[1]), int(version[2])) >= _TMUX_WITH_CLIPBOARD:
        return ok("clipboard", "tmux puts copied text on it")
    told = _tmux("show-options", "-sv", "set-clipboard")
    if not told:
        return unknown("clipboard", found="tmux does not say whether it takes copied text")
    if told == "on":
        return ok("clipboard", "tmux takes copied text")
    return warning("clipboard", f"set-clipboard is {told}: tmux takes no copied text", "tmux set -s set-clipboard on")


def _tmux(*args: str) -> str:
    """Return what tmux answers, nothing if it does not."""
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        done = subprocess.run(["tmux", *args], capture_output=True, text=True, timeout=_TMUX_TIMEOUT_S, check=True)
        return done.stdout.strip()
    return ""
