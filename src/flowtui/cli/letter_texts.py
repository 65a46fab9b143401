"""Dead letters as a person reads them in a shell."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from flowtui.cli.tables import table
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.model.printable import SHOWN
from flowtui.model.snapshot import DeadLetterGroup

_MESSAGE_LENGTH = 80


def group_lines(groups: Sequence[DeadLetterGroup]) -> list[str]:
    """Return a table of groups."""
    rows = [("GROUP", "COUNT", "FIRST", "LAST", "WHERE", "ERROR")]
    for group in groups:
        where = f"{group.loop} {group.node}"
        times = (_when(group.first_at), _when(group.last_at))
        rows.append((group.fingerprint, f"{group.count:,}", *times, where, _error(group.error, group.message)))
    total = sum(group.count for group in groups)
    return [*table(rows), f"{total:,} dead letters"] if groups else ["no dead letters"]


def letter_lines(letters: Sequence[DeadLetter]) -> list[str]:
    """Return a table of letters."""
    rows = [("NUMBER", "WHEN", "WHERE", "ITEM", "ERROR")]
    for letter in letters:
        state = "replaying: " if letter.replaying else ""
        where, error = f"{letter.loop} {letter.node}", state + _error(letter.error, letter.message)
        rows.append((str(letter.number), _when(letter.failed_at), where, letter.id, error))
    return table(rows) if letters else ["no dead letters"]


def letter_text(letter: DeadLetter) -> str:
    """Return all that is known of one letter."""
    again = f", replayed {letter.replays} times, first on {_when(letter.since)}" if letter.replays else ""
    facts = {
        "where": f"{letter.loop} {letter.node}",
        "item": f"{letter.id} (trace {letter.trace}, from {letter.origin or 'outside'})",
        "failed": f"{_when(letter.failed_at)}, attempt {letter.attempt}{again}",
        "revision": letter.revision,
        "queue": letter.queue,
        "group": letter.fingerprint,
        "tied to": ", ".join(letter.tied_to),
        "state": "is being replayed" if letter.replaying else "",
        "note": letter.note,
        "hides": _hides(letter),
    }
    parts = [f"letter {letter.number}: {letter.error}: {letter.message}"]
    parts += [f"  {name:<9} {value}" for name, value in facts.items() if value]
    parts += [f"\ninput of {letter.node}:", _pretty(letter.payload)]
    if letter.item is not None:
        parts += ["\nitem as the iteration began:", _pretty(letter.item)]
    if letter.upstream:
        parts += ["\nwhat joins behind it still need:", _pretty(letter.upstream)]
    if letter.traceback:
        parts += ["", letter.traceback]
    return "\n".join(parts).translate(SHOWN)


def answer_lines(answer: ReplayAnswer) -> list[str]:
    """Return what has come of a wish to replay letters."""
    lines = []
    if answer.queued:
        lines.append(
            f"{_count(answer.queued)} queued to be replayed: a running engine begins at once, else it is done when one "
            "starts"
        )
    if answer.requeued:
        lines.append(
            f"{_count(answer.requeued)} back at the end of the queue: all of the iteration runs again, also what had "
            "succeeded"
        )
    lines += answer.revisions
    lines += [f"not replayed: {why}" for why in answer.refused]
    return [line.translate(SHOWN) for line in lines] or ["no dead letters"]


def _hides(letter: DeadLetter) -> str:
    names = sorted({secret for hidden in letter.hidden for secret in hidden.secrets})
    return f"{', '.join(f'***{name}***' for name in names)}: a secret, which a replay puts back" if names else ""


def _count(number: int) -> str:
    return "1 dead letter is" if number == 1 else f"{number:,} dead letters are"


def _error(error: str, message: str) -> str:
    text = " ".join(f"{error}: {message}".split())
    return text if len(text) <= _MESSAGE_LENGTH else f"{text[: _MESSAGE_LENGTH - 1]}…"


def _when(at: float) -> str:
    return datetime.fromtimestamp(at).strftime("%Y-%m-%d %H:%M:%S")


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
