"""`Duration`: a time span in a config, in seconds, written as `1.5`, `"500ms"`, `"2m"`."""

from __future__ import annotations

import math
import re
from typing import Annotated

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PATTERN = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?")


def seconds(value: object) -> float:
    """Return a duration in seconds.

    Raises:
        ValueError: if it is neither a number of seconds nor text like `500ms`, or is negative or endless.
    """
    if isinstance(value, str) and (match := _PATTERN.fullmatch(value.strip())):
        return float(match[1]) * _UNITS[match[2] or "s"]
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value >= 0:
        return float(value)
    raise ValueError("a duration is a number of seconds or text like 500ms, 1.5s, 2m, 1h or 1d")


class _OrText:
    """A number within its limits, or text; what the limits mean for text a schema cannot say."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        number = handler(schema)
        for name, word in (
            ("ge", "minimum"),
            ("gt", "exclusiveMinimum"),
            ("le", "maximum"),
            ("lt", "exclusiveMaximum"),
        ):
            if name in number:  # pydantic leaves limits beside a validator in its own words
                number.setdefault(word, number.pop(name))
        return {"anyOf": [number, {"type": "string", "pattern": f"^{_PATTERN.pattern}$"}]}


#: A field of this type holds a float, in seconds.
Duration = Annotated[float, BeforeValidator(seconds), Field(ge=0), _OrText()]
