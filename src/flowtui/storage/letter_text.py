"""The forms in which the store holds a dead letter."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from flowtui.model.letters import DeadLetter
from flowtui.storage.records import decode

#: An item that was handed out too often is filed by the store itself: this, the time in 13 digits, its envelope.
_POISON = b"P"
_POISON_STAMP_END = 14


def read_letter(row: list[Any]) -> DeadLetter:
    """Read what a script tells of a letter: loop, number, what it is grouped by, mark, note, edits, text."""
    _, number, filed, mark, note, edits, text = row
    letter = _poisoned(text, filed) if text.startswith(_POISON) else DeadLetter.from_json(text)
    return replace(
        letter,
        number=int(number),
        edits=int(edits or 0),
        replaying=bool(mark),
        note=note.decode("utf-8", "replace"),
    )


def _poisoned(text: bytes, filed: bytes) -> DeadLetter:
    loop, node, error, fingerprint = json.loads(filed.partition(b" ")[2])
    delivery = decode(text[_POISON_STAMP_END:])
    payload, is_object = payload_of(delivery.item.payload)
    tries = delivery.tries
    return DeadLetter(
        id=delivery.item.id,
        loop=loop,
        node=node,
        revision="",
        payload=payload,
        trace=delivery.item.trace,
        attempt=tries,
        error=error,
        message=f"it was handed out {tries} times, and each time what ran it died before it had ended",
        traceback="",
        fingerprint=fingerprint,
        failed_at=int(text[len(_POISON) : _POISON_STAMP_END]) / 1000,
        origin=delivery.item.origin,
        unreadable=not is_object,
    )


def payload_of(text: bytes) -> tuple[dict[str, Any], bool]:
    """Return the payload that an item's text holds and True, or what shows the text under `raw` and False."""
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        payload = None
    if isinstance(payload, dict):
        return payload, True
    return {"raw": text.decode("utf-8", "backslashreplace")}, False
