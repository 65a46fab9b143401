"""Mutations of a JSON file."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.broken import Broken, Fault

#: What is replaced (the first time it occurs), what by, where in the replacement the fault is, its code, what is said.
_CHANGES = (
    ('"interval"', '"intervall"', 0, "unknown-node", "did you mean 'interval'?"),
    ('"every"', '"evry"', 0, "unknown-field", "did you mean 'every'?"),
    ('"needs": "tick"', '"needs": "qqqq"', 9, "unknown-need", "write the id of another node"),
    ('"tick",', '"tell",', 0, "cycle", "remove one of them"),
    ('"check.yes"', '"check.si"', 0, "unknown-port", "it has 'yes', 'no'"),
    ('"{{ data.tick > 3 }}"', '"{{ data.tick > }}"', 0, "bad-template", "the template does not parse"),
    ('"loop": {', '"loop": {"pol": 1, ', 9, "unknown-field", "did you mean 'pool'?"),
    ('"pool": "thread"', '"pool": "thraed"', 8, "bad-value", "did you mean 'thread'?"),
    ('"level": "warning"', '"level": 3', 9, "bad-config", "it should be 'debug', 'info', 'warning' or 'error'"),
    ('"type": "log",', '"type": "log", "type": "log",', 15, "duplicate-key", "remove one of them"),
    ('"type": "if",', '"type": "if"', 0, "not-json", "expecting ',' delimiter"),
    ('"2s"}', '"2s",}', 0, "not-json", "this is no JSON"),
    ('"check": {', "check: {", 0, "not-json", "in double quotes"),
    ('"2s"', "NaN", 0, "not-json", "NaN is no JSON value"),
    ('"2s"', '"${X}"', 0, "unset-variable", "give a default"),
)


def broken_json(text: str) -> Iterator[Broken]:
    """Yield the broken files; of those that are no JSON only the line is known."""
    for old, new, inside, code, says in _CHANGES:
        at = text.index(old)
        changed = text.replace(old, new, 1)
        before = changed[: at + inside]
        line, column = before.count("\n") + 1, at + inside - before.rfind("\n")
        if code == "not-json":
            line, column = line + (new == '"type": "if"'), 0
        if "NaN" in new:
            line = 1
        yield Broken(f"{old} → {new}", changed, (Fault(line, column, code),), says)
