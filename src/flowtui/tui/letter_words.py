"""What the screen says of one dead letter."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from flowtui.model.access import OF_PRODUCTION
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry, heading
from flowtui.tui.json_text import as_text

#: Lines of a payload or a traceback that are shown; copied and exported it is whole.
_MOST_LINES = 1000
_LONGEST_LINE = 4000


def letter_detail(letter: DeadLetter) -> Detail:
    """Return all about a letter. It tells no ages, so that it changes only with the letter."""
    entries = [
        Entry("", f"✖ {letter.error}: {letter.message}", Tone.BAD),
        *_standing(letter),
        *([heading("Traceback, your own code first"), *_lines(letter.traceback)] if letter.traceback else []),
        heading(_payload_heading(letter)),
        *_json(letter.payload),
        heading("Where it comes from"),
        *_origin(letter),
    ]
    if letter.item is not None:
        entries += [heading("The item as its iteration began"), *_json(letter.item)]
    if letter.by:
        entries += [heading(f"What {letter.node} joins"), *_json(letter.by)]
    if letter.upstream:
        entries += [heading("What joins behind it still need"), *_json(letter.upstream)]
    return Detail(f"Letter {letter.number}", tuple(entries))


def group_text(group: DeadLetterGroup) -> str:
    """Return what is to be known of a group, to be pasted elsewhere."""
    return "\n".join(
        (
            f"{group.error}: {group.message}",
            f"{fmt.plural(group.count, 'dead letter')} at {group.node} of {group.loop}, group {group.fingerprint}",
            f"first {fmt.moment(group.first_at)}, last {fmt.moment(group.last_at)}",
        )
    )


def letter_text(letter: DeadLetter) -> str:
    """Return all about a letter as lines, to be pasted elsewhere; nothing is cut."""
    told = letter.as_dict()
    parts = [f"letter {letter.number}: {letter.error}: {letter.message}", letter.traceback]
    rest = {key: value for key, value in told.items() if key not in ("error", "message", "traceback")}
    return "\n\n".join(filter(None, (*parts, as_text(rest))))


def _standing(letter: DeadLetter) -> list[Entry]:
    """Return what is being done about it, and why that is not possible."""
    said = []
    if letter.of_production:
        said.append(Entry("", f"‡ {OF_PRODUCTION}", Tone.WARN))
    if letter.replaying:
        said.append(Entry("", "↻ it waits to be run again, or is run again just now", Tone.ACCENT))
    if letter.note:
        said.append(Entry("", f"! the last replay could not run it: {letter.note}", Tone.WARN))
    if letter.edits:
        said.append(Entry("", f"~ its payload was edited, {_times(letter.edits)}", Tone.WARN))
    if not letter.note and (why := letter.why_not(from_start=False)):
        said.append(Entry("", f"! {why}", Tone.WARN))
    return said


def _payload_heading(letter: DeadLetter) -> str:
    lost = ", not all of which a letter can hold" if "payload" in letter.inexact else ""
    return f"Payload, the input of {letter.node}{lost}"


def _origin(letter: DeadLetter) -> list[Entry]:
    failed = f"{fmt.moment(letter.failed_at)}, attempt {letter.attempt}"
    replays = f"{_times(letter.replays)}, first failed {fmt.moment(letter.since)}" if letter.replays else "never"
    others = [str(number) for number in letter.companions if number != letter.number]
    hidden = sorted({secret for each in letter.hidden for secret in each.secrets})
    facts: Mapping[str, str] = {
        "failed": failed,
        "at": f"{letter.node} of {letter.loop}",
        "replayed": replays,
        "item": letter.id,
        "input": letter.data_id,
        "trace": letter.trace,
        "made in": letter.origin or "outside",
        "queue": letter.queue,
        "batch of": fmt.plural(letter.batch, "item") if letter.batch else "",
        "revision": letter.revision,
        "group": letter.fingerprint,
        "with it": f"letter {', '.join(others)} of the same item" if others else "",
        "tied to": ", ".join(letter.tied_to),
        "hides": f"{', '.join(f'***{name}***' for name in hidden)}, which a replay puts back" if hidden else "",
    }
    return [Entry(label, text) for label, text in facts.items() if text]


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number:,} times"


def _json(value: Any) -> Iterable[Entry]:
    return _lines(json.dumps(value, indent=2, ensure_ascii=False))


def _lines(text: str) -> list[Entry]:
    lines = text.rstrip().split("\n", _MOST_LINES)
    entries = [Entry("", line if len(line) <= _LONGEST_LINE else f"{line[:_LONGEST_LINE]}…") for line in lines]
    if len(lines) > _MOST_LINES:
        entries[-1] = Entry("", f"… {fmt.plural(lines[-1].count(chr(10)) + 1, 'line')} more; c copies all", Tone.MUTED)
    return entries
