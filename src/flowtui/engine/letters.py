"""Makes dead letters: what failed, and what is needed to run the rest later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from time import time
from typing import Any

from flowtui.engine.execute import author_traceback, fingerprint, text_of
from flowtui.engine.letter_secrets import without_secrets
from flowtui.graph.plan import ExecutionPlan
from flowtui.graph.replays import behind, given_edges, index_of
from flowtui.model.data import NodeData
from flowtui.model.letters import DeadLetter, stored


def make_letter(
    plan: ExecutionPlan,
    node: str,
    data: NodeData,
    item: NodeData,
    error: BaseException,
    *,
    again: DeadLetter | None = None,
    unreadable: bool = False,
    alone: bool = False,
    batch: int = 0,
) -> DeadLetter:
    """Return the letter of a node that has failed.

    Args:
        data: the node's input.
        item: what the iteration began with.
        again: the letter that was replayed, if it was.
        unreadable: whether `item` only shows what could not be read.
        alone: whether all behind the node has run already.
        batch: how many items of a queue `item` is made of, 0 if it is no batch.
    """
    now = time()
    return DeadLetter(
        id=item.id,
        loop=plan.loop,
        node=node,
        revision=plan.revision,
        payload=data.payload,
        trace=data.meta.trace,
        attempt=data.meta.attempt,
        error=type(error).__name__,
        message=text_of(error),
        traceback=author_traceback(error),
        fingerprint=fingerprint(error, node),
        failed_at=now,
        origin=data.meta.origin,
        queue=again.queue if again is not None else plan.reads or "",
        item=None if _is_same(data, item) else item.payload,
        data_id="" if data.id == item.id else data.id,
        by={need: stored(each, item.id) for need, each in data.by.items()},
        alone=alone,
        first_at=now if again is None else again.since,
        replays=0 if again is None else again.replays + 1,
        unreadable=unreadable,
        batch=batch,
    )


def completed(
    letters: Sequence[DeadLetter], plan: ExecutionPlan, live: Callable[[int, int], NodeData | None]
) -> tuple[DeadLetter, ...]:
    """Return the letters of one settled iteration with the outputs that joins behind the failed nodes need.

    `live(join, edge)` gives what came in on an edge of a join, None if it was skipped.
    """
    failed = {letter.node: index for letter in letters if (index := index_of(plan, letter.node)) is not None}
    not_run = {node: behind(plan, index) for node, index in failed.items()}
    found = []
    for letter in letters:
        upstream: dict[str, Any] = {}
        tied_to: set[str] = set()
        for given in given_edges(plan, failed[letter.node]):
            others = {node for node, missing in not_run.items() if given.need.index in missing}
            if others:
                tied_to |= others
            else:
                output = live(given.join.index, given.edge)
                upstream[given.name] = None if output is None else stored(output, letter.id)
        found.append(replace(letter, upstream=upstream, tied_to=tuple(sorted(tied_to))))
    return tuple(found)


def in_a_row(letters: Sequence[DeadLetter]) -> Sequence[DeadLetter]:
    """Return the letters of one iteration as they are filed: without secrets, and each says which of how many it is."""
    letters = [without_secrets(letter) for letter in letters]
    if len(letters) < 2:
        return letters
    return [replace(letter, nth=nth, of=len(letters)) for nth, letter in enumerate(letters, start=1)]


def _is_same(data: NodeData, item: NodeData) -> bool:
    try:
        return data is item or data.payload == item.payload
    except Exception:  # an author's class in there
        return False
