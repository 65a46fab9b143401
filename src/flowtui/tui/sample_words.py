"""What the screen says of an item that passed through a node: in one line, and whole."""

from __future__ import annotations

import json
from typing import Any

from flowtui.model.development import NodeInput, Origin, Sample, Stored
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry, heading
from flowtui.tui.run_detail import json_entries

#: Longest line, in characters: more is never seen.
_LONGEST = 400
_LONGEST_VALUE = 32
_TOO_BIG = "too big to be kept"


def glyph(sample: Sample) -> tuple[str, Tone]:
    """Return the sign of what became of it."""
    if sample.error:
        return "✖", Tone.BAD
    return ("●", Tone.GOOD) if sample.output is not None else ("○", Tone.MUTED)


def given_line(sample: Sample) -> str:
    """Return what came in, in one line."""
    if "input" in sample.cut:
        return _TOO_BIG
    return "" if sample.input is None else _line(_facts(sample.input.payload))


def made_line(sample: Sample) -> tuple[str, Tone]:
    """Return what the node made of it, in one line: of data what has changed, else its error."""
    if sample.error:
        return sample.error[:_LONGEST], Tone.BAD
    if sample.output is None:
        return "dropped the item", Tone.MUTED
    parts = [f"→ {sample.port}"] if sample.port else []
    if "output" in sample.cut:
        return _line([*parts, _TOO_BIG]), Tone.MUTED
    if sample.input is None or "input" in sample.cut:
        return _line([*parts, *_facts(sample.output.payload)]), Tone.TEXT
    changes = _changes(sample.input.payload, sample.output.payload)
    if not changes:
        return _line([*parts, "unchanged"]), Tone.MUTED
    return _line([*parts, *changes]), Tone.TEXT


def input_entries(sample: Sample) -> list[Entry]:
    """Return what came in, whole; nothing for a producer."""
    return [] if sample.input is None else _data(sample.input, "input", is_cut="input" in sample.cut)


def output_entries(sample: Sample) -> list[Entry]:
    """Return what the node made of it, whole."""
    if sample.error:
        return [Entry("", sample.error, Tone.BAD)]
    if sample.output is None:
        return [Entry("", "The node has dropped the item.", Tone.MUTED)]
    port = [Entry("port", sample.port)] if sample.port else []
    return [*port, *_data(sample.output, "output", is_cut="output" in sample.cut)]


def sample_detail(sample: Sample) -> Detail:
    """Return all that is known of it."""
    sign, tone = glyph(sample)
    became = "failed" if sample.error else "dropped" if sample.output is None else "handed on"
    entries = [
        Entry("item", sample.item),
        Entry("time", fmt.moment(sample.at)),
        Entry("outcome", f"{sign} {became}", tone),
        Entry("revision", sample.revision),
    ]
    if sample.input is not None:
        entries += [heading("Input"), *input_entries(sample)]
    entries += [heading("Error" if sample.error else "Output"), *output_entries(sample)]
    return Detail(f"{sample.node} of {sample.loop}", tuple(entries))


def sampled_input(sample: Sample) -> NodeInput | None:
    """Return its input, for the inspector; None if it has none or that was too big to be kept."""
    if sample.input is None or "input" in sample.cut:
        return None
    return NodeInput(Origin.SAMPLE, sample.input, at=sample.at, revision=sample.revision)


def sample_text(sample: Sample) -> str:
    """Return its input and output as indented JSON."""
    data = {"input": sample.input, "output": sample.output}
    told = {name: None if each is None else each.payload for name, each in data.items()}
    return json.dumps(told, indent=2, ensure_ascii=False)


def _data(data: Stored, name: str, *, is_cut: bool) -> list[Entry]:
    if is_cut:
        return [Entry("", f"The {name} was {_TOO_BIG}.", Tone.WARN)]
    entries = json_entries(data.payload)
    for need, each in data.by.items():
        entries += [heading(f"From {need}"), *json_entries(each.payload)]
    return entries


def _changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    changes = []
    for key, value in after.items():
        if key not in before:
            changes.append(f"+ {_fact(key, value)}")
        elif before[key] != value:
            changes.append(f"~ {_fact(key, value)}")
    return changes + [f"- {key}" for key in before if key not in after]


def _facts(payload: dict[str, Any]) -> list[str]:
    return [_fact(key, value) for key, value in payload.items()] or ["{}"]


def _fact(key: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return f"{key}: {text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + '…'}"


def _line(parts: list[str]) -> str:
    return "  ".join(parts)[:_LONGEST]
