"""Dead letters: failed payloads with what is needed to understand them."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A failed payload.

    Attributes:
        id: id of the item that failed.
        loop, node: where it failed; both are ids.
        revision: of the loop that ran it.
        payload: the input of the failed node.
        trace: the item's trace id.
        attempt: how often the item had been handed out.
        error: the exception's type name.
        message: the exception's text.
        traceback: formatted, the author's frames first.
        fingerprint: equal for letters of the same error type, node and frame.
        failed_at: seconds since the epoch.
    """

    id: str
    loop: str
    node: str
    revision: str
    payload: dict[str, Any]
    trace: str
    attempt: int
    error: str
    message: str
    traceback: str
    fingerprint: str
    failed_at: float

    def to_json(self) -> bytes:
        """Return the letter as JSON; what JSON cannot hold is kept as its `repr`. Never raises."""
        # Not `asdict`: it copies the payload, and not everything in there lets itself be copied.
        letter = {field.name: getattr(self, field.name) for field in fields(self)}
        try:
            return _as_json(letter)
        except Exception:  # keys that are no texts, a payload within itself, one that is nested too deeply
            return _as_json(letter | {"payload": {"repr": _shown(self.payload)}})

    @classmethod
    def from_json(cls, text: bytes) -> DeadLetter:
        """Read back what `to_json` wrote."""
        return cls(**json.loads(text))


def _as_json(letter: dict[str, Any]) -> bytes:
    return json.dumps(letter, separators=(",", ":"), default=_shown).encode()


def _shown(value: object) -> str:
    try:
        return repr(value)
    except Exception:  # an author's class, or nested too deeply
        return object.__repr__(value)
