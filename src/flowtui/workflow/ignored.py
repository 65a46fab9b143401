"""JSONPath queries for what is not to be compared."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from importlib import import_module
from typing import Any

#: In place of an element of a list that is not compared: the others must keep their places.
_IGNORED = "(ignored)"


def query_fault(query: str) -> str:
    """Return why a text is no JSONPath query (RFC 9535; the `$.` in front may be left out); empty if it is one."""
    jsonpath = _library()
    try:
        jsonpath.compile(query)
    except jsonpath.JSONPathError as error:
        return str(error).partition("\n")[0]
    return "" if query else "it is empty"


def without(value: Any, queries: Sequence[str]) -> Any:
    """Return a JSON value without what any of these queries finds in it; elements of lists leave a mark."""
    if not queries:
        return value
    rest = deepcopy(value)
    for query in queries:
        found = [match.parts for match in _library().finditer(query, rest)]
        for path in sorted(found, key=len, reverse=True):  # what is inside before what it is in
            if not path:
                return _IGNORED
            owner = rest
            for key in path[:-1]:
                owner = owner[key]
            if isinstance(owner, list):
                owner[path[-1]] = _IGNORED
            else:
                del owner[path[-1]]
    return rest


def _library() -> Any:
    # Only now: few cases have such queries, and the app, which saves cases, starts without it.
    return import_module("jsonpath")
