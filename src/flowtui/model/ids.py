"""Identifiers of items and loops."""

from __future__ import annotations

import hashlib
import itertools
import os

_counter = itertools.count(1)
_prefix = os.urandom(6).hex()


def new_id() -> str:
    """Return an id for an item that comes from outside: unique over processes and restarts."""
    return f"{_prefix}-{next(_counter)}"


def derived_id(parent: str, writer: str, ordinal: int) -> str:
    """Return the id of the `ordinal`-th item that node `writer` made from item `parent`.

    The same three always give the same id, so a redelivered input yields outputs with unchanged ids; the length
    does not grow from hop to hop, so an item may travel in a ring of queues for ever.
    """
    return hashlib.blake2b(f"{parent}|{writer}|{ordinal}".encode(), digest_size=10).hexdigest()


def loop_id(workflow: str, producer: str) -> str:
    """Return the id of the loop that node `producer` of `workflow` drives."""
    return f"{workflow}.{producer}"


def workflow_of(loop: str) -> str:
    """Return the name of the workflow that a loop belongs to."""
    return loop.partition(".")[0]


def _renew_prefix() -> None:
    global _prefix  # noqa: PLW0603 - a forked child must not repeat its parent's ids
    _prefix = os.urandom(6).hex()


os.register_at_fork(after_in_child=_renew_prefix)
