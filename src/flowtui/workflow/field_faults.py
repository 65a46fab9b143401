"""What pydantic says about a document, in terms of the file as its author wrote it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import ErrorDetails

from flowtui.model.spelling import did_you_mean

_TEMPLATE = re.compile(r"\{\{|\$\{")


class Strict(BaseModel):
    """A part of a document: nothing unknown stands in it, and nothing is taken for what it is not."""

    # The schema of the whole holds those of its parts: these are not made once more, each for itself.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)


class Model(Strict):
    """A part of a document in which a key without value counts as not written."""

    @model_validator(mode="before")
    @classmethod
    def _a_key_without_value_counts_as_not_written(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        fields = cls.model_fields
        return {
            key: value
            for key, value in data.items()
            if value is not None or key not in fields or fields[key].is_required()
        }


def unknown_field(name: str, where: str, model: type[BaseModel]) -> str:
    """Return what to say of a field that a part of a document does not have."""
    known = list(model.model_fields)
    return f"unknown field '{name}' in {where}{did_you_mean(name, known) or ': it has ' + ', '.join(known)}"


def describe(details: ErrorDetails, field: str, added: Mapping[str, str], lists: str = "a list") -> tuple[str, str]:
    """Return message and code for one error of pydantic.

    Args:
        field: as a person calls it.
        added: what to write for each field that must be there.
        lists: what is to be written where a list is wanted.
    """
    kind, context, value = details["type"], details.get("ctx", {}), details["input"]
    if kind == "missing":
        return f"'{field}' is missing: add {added[field]}", "missing-field"
    if kind in ("bad-id", "bad-name"):
        return details["msg"], kind
    wanted = {
        "string_type": "text",
        "bool_type": "true or false",
        "int_type": "a whole number",
        "float_type": "a number",
        "float_parsing": "a number",
        "dict_type": "a mapping",
        "model_type": "a mapping",
        "list_type": lists,
    }.get(kind)
    if kind == "literal_error":
        wanted = str(context["expected"])
        if isinstance(value, str):
            return f"'{field}' must be {wanted}, not '{value}'{did_you_mean(value, _literals(wanted))}", "bad-value"
    elif kind in ("greater_than_equal", "less_than_equal", "greater_than"):
        limits = {"ge": "at least", "le": "at most", "gt": "more than"}
        wanted = " ".join(f"{words} {context[limit]}" for limit, words in limits.items() if limit in context)
    if wanted is None:
        return f"'{field}' is wrong: {details['msg'][:1].lower()}{details['msg'][1:]}", "bad-value"
    if kind == "string_type" and isinstance(value, (bool, int, float)):
        return f"'{field}' must be text: write it in quotes", "bad-value"
    hint = "; '{{ }}' and '${ }' work in 'config' only" if isinstance(value, str) and _TEMPLATE.search(value) else ""
    return f"'{field}' must be {wanted}, not {_shown(value)}{hint}", "bad-value"


def label(path: tuple[str | int, ...]) -> str:
    """Return how a person calls the field at a path: `needs[1]`."""
    return f"{path[-2]}[{path[-1]}]" if isinstance(path[-1], int) else path[-1]


def _literals(expected: str) -> list[str]:
    return re.findall(r"'([^']+)'", expected)


def _shown(value: Any) -> str:
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return json.dumps(value, ensure_ascii=False)[:60]
