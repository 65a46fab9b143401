"""JSON from strangers: what is no JSON, or could not be written as JSON again, is refused."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which is no number in JSON")


def strict_json(raw: bytes) -> Any:
    """Return the value of a JSON text in UTF-8, which `NodeData` can carry on.

    Raises:
        ValueError: in a few words, if it is none, holds NaN, infinities or half a character, or is nested too deeply.
    """
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse_constant)
        if b"\\u" in raw:  # only an escape can stand for half a character
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a character (a lone surrogate)") from None
    except UnicodeDecodeError:
        raise ValueError("it is not in UTF-8") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    return value
