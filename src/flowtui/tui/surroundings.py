"""What the environment says about the terminal. Imports nothing of the screen."""

from __future__ import annotations

from collections.abc import Mapping

#: Terminals whose fonts have letters and little else, whatever the locale.
_FEW_SIGNS = ("linux", "vt100", "vt102", "vt220")
#: Values of TERM that name no terminal on which a cursor can be placed.
_NO_SCREEN = ("", "dumb", "unknown")
_PLAIN_LOCALES = ("C", "POSIX")
#: Backgrounds that COLORFGBG calls light: white, and bright white.
_LIGHT = ("7", "15")


def locale_of(env: Mapping[str, str]) -> str:
    """Return the locale whose letters count, `C` if none is set.

    Python itself sets LC_CTYPE to C.UTF-8 where all else says C; that tells nothing about the terminal.
    """
    names: tuple[str, ...] = ("LC_ALL", "LC_CTYPE", "LANG")
    if env.get("LC_CTYPE", "").upper().replace("-", "") == "C.UTF8" and env.get("LANG") in _PLAIN_LOCALES:
        names = ("LC_ALL", "LANG")
    return next((env[name] for name in names if env.get(name)), "C")


def takes_utf8(env: Mapping[str, str]) -> bool:
    """Return whether the locale is one of UTF-8."""
    return "UTF8" in locale_of(env).upper().replace("-", "")


def wants_ascii(env: Mapping[str, str]) -> bool:
    """Return whether frames and signs had better be ASCII here."""
    return not takes_utf8(env) or env.get("TERM", "") in _FEW_SIGNS


def has_no_screen(env: Mapping[str, str]) -> bool:
    """Return whether TERM names a terminal on which nothing can be drawn."""
    return env.get("TERM", "") in _NO_SCREEN


def is_light(env: Mapping[str, str]) -> bool:
    """Return whether the terminal says that its background is light; most say nothing."""
    return env.get("COLORFGBG", "").rpartition(";")[2] in _LIGHT


def is_remote(env: Mapping[str, str]) -> bool:
    """Return whether one is logged in from elsewhere."""
    return bool(env.get("SSH_CONNECTION"))
