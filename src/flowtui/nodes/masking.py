"""Keeps the values of secrets out of all that people read: `masker` knows those that this process has looked up."""

from __future__ import annotations

import base64
import binascii
import contextlib
import html
import json
import re
import threading
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

#: A shorter value is not masked: it would be found in the middle of ordinary words.
SHORTEST = 4
#: A line of a value, and a part of longer base64, must be this long to be known again.
_SHORTEST_PART = 8
#: Values of one secret that stay known when it has been changed.
_MOST_VALUES = 4
#: Texts that templates have made of secrets; of more the oldest are forgotten.
_MOST_DERIVED = 512


class Found(NamedTuple):
    """What stands at a place of a text: a secret, in a form of `forms`; an empty form cannot be made again."""

    secret: str
    form: str

    @property
    def shown(self) -> str:
        """What people see in its place."""
        return f"***{self.secret}***"


def forms(value: str) -> dict[str, str]:
    """Return the forms, by their names, in which a secret's value is known again; none if it is too short."""
    found: dict[str, str] = {}
    if len(value) >= SHORTEST:
        for name, text in _forms(value):
            if len(text) >= SHORTEST and text not in found.values():
                found[name] = text
    return found


def in_form(value: str, form: str) -> str | None:
    """Return a secret's value in a form; None if this value has no such form."""
    return dict(_forms(value)).get(form)


def is_encoded_in(value: str, text: str) -> bool:
    """Return whether the base64 in a text holds a secret's value: a part of it may be that of another value."""
    wanted = value.encode("utf-8", "surrogateescape")
    for run in re.findall(r"[A-Za-z0-9+/_-]+", text):
        padded = run.translate(_STANDARD) + "=" * (-len(run) % 4)
        with contextlib.suppress(binascii.Error):
            if wanted in base64.b64decode(padded):
                return True
    return False


_STANDARD = str.maketrans("-_", "+/")


def _forms(value: str) -> Iterator[tuple[str, str]]:
    yield "plain", value
    for name in ("upper", "lower", "title", "capitalize", "swapcase"):
        yield name, getattr(value, name)()
    yield "stripped", value.strip()
    yield "reversed", value[::-1]
    yield "one line", " ".join(value.split())
    yield "percent", quote(value, safe="")
    yield "path", quote(value)
    yield "query", quote_plus(value)
    yield "percent, lower", re.sub("%..", lambda found: found[0].lower(), quote(value, safe=""))
    yield "json", json.dumps(value)[1:-1]
    yield "json, unicode", json.dumps(value, ensure_ascii=False)[1:-1]
    yield "repr", repr(value)[1:-1]
    yield "bytes", repr(value.encode("utf-8", "surrogateescape"))[2:-1]
    yield "html", html.escape(value)
    yield "html, decimal", html.escape(value).replace("&#x27;", "&#39;").replace("&quot;", "&#34;")
    yield "script", json.dumps(value)[1:-1].translate({ord(char): f"\\u{ord(char):04x}" for char in "<>&'"})
    yield from _encoded(value.encode("utf-8", "surrogateescape"))
    lines = value.splitlines()
    for number, line in enumerate(lines if len(lines) > 1 else ()):
        if len(line.strip()) >= _SHORTEST_PART:
            yield f"line {number}", line.strip()


def _encoded(value: bytes) -> Iterator[tuple[str, str]]:
    yield "hex", value.hex()
    yield "hex, upper", value.hex().upper()
    for name, alphabet in (("base64", b"+/"), ("base64url", b"-_")):
        yield name, base64.b64encode(value, alphabet).decode()
        for before in range(3):  # as a part of more, such as `user:password`: how many bytes stand before, modulo 3
            text = base64.b64encode(b"\0" * before + value, alphabet).decode().rstrip("=")
            end = len(text) - ((before + len(value)) % 3 > 0)
            part = text[(0, 2, 3)[before] : end]  # the characters that nothing but the value decides
            if len(part) >= _SHORTEST_PART:
                yield f"{name}, part {before}", part


class Masker:
    """Replaces the values of secrets in texts. Thread-safe; costs nothing as long as it knows none."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, tuple[str, ...]] = {}
        self._known: dict[str, Found] = {}
        self._derived: OrderedDict[str, Found] = OrderedDict()
        self._texts: tuple[str, ...] | None = ()  # all of both; None if it must be made anew

    def learn(self, name: str, value: str) -> None:
        """Mask a secret's value from now on, in all its forms; earlier values of it stay known for a while."""
        with self._lock:
            values = self._values.get(name, ())
            if value in values:
                return
            self._values[name] = (*values, value)[-_MOST_VALUES:]
            self._known = {
                text: Found(secret, form)
                for secret, each in self._values.items()
                for one in each
                for form, text in forms(one).items()
            }
            self._texts = None

    def learn_derived(self, name: str, text: str) -> None:
        """Mask what was made of a secret's value, in whatever way."""
        if len(text) < SHORTEST or text in self._known or text in self._derived:
            return
        with self._lock:
            self._derived[text] = Found(name, "")
            if len(self._derived) > _MOST_DERIVED:
                self._derived.popitem(last=False)
            self._texts = None

    @property
    def is_needed(self) -> bool:
        """Whether it knows of any secret."""
        return bool(self._known or self._derived)

    def mask(self, text: str) -> str:
        """Return a text with `***NAME***` in place of every secret."""
        if not self._known and not self._derived:
            return text
        return "".join(part if isinstance(part, str) else part.shown for part in self.parts(text))

    def holds_secret(self, text: str) -> bool:
        """Tell whether a secret stands in a text."""
        return any(known in text for known in self._all())

    def parts(self, text: str) -> list[str | Found]:
        """Return a text in parts: those that may be seen, and the secrets between them."""
        hits = [known for known in self._all() if known in text]
        if not hits:
            return [text]
        pattern = "|".join(re.escape(hit) for hit in sorted(hits, key=len, reverse=True))
        parts: list[str | Found] = []
        at = 0
        for match in re.finditer(pattern, text):
            if match.start() > at:
                parts.append(text[at : match.start()])
            parts.append(self._known.get(match[0]) or self._derived.get(match[0]) or Found("SECRET", ""))
            at = match.end()
        if at < len(text):
            parts.append(text[at:])
        return parts

    def _all(self) -> tuple[str, ...]:
        texts = self._texts
        if texts is None:
            with self._lock:
                texts = self._texts = (*self._known, *self._derived)
        return texts


#: The one of this process: what any engine in it has looked up stays out of all that it writes.
masker = Masker()
