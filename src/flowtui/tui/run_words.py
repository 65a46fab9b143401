"""What the inspector says of inputs, outputs and runs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from flowtui.model.development import DevLine, DevRun, NodeInput, Origin
from flowtui.model.diff import Change, ChangeKind, count_leaves, differences
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Entry, heading
from flowtui.tui.trial import whole_input

_REVISION_CHARS = 7
#: Lines of a log that are shown.
_MOST_LINES = 500
_SIGNS = {
    ChangeKind.ADDED: ("+", Tone.GOOD),
    ChangeKind.REMOVED: ("-", Tone.BAD),
    ChangeKind.CHANGED: ("~", Tone.WARN),
    ChangeKind.MOVED: (">", Tone.ACCENT),
}
_LEVELS = ((logging.ERROR, "✖", Tone.BAD), (logging.WARNING, "!", Tone.WARN), (0, " ", Tone.TEXT))


def origin_words(given: NodeInput) -> str:
    """Return where an input comes from: `last run of check`, `dead letter 7`."""
    of = f" of {given.upstream}" if given.upstream else ""
    return {
        Origin.MOCK: f"mock, from dead letter {given.letter}" if given.letter else "mock, typed here",
        Origin.PIN: f"pinned output{of}",
        Origin.CACHE: f"last run{of}",
        Origin.SAMPLE: "sample from production",
        Origin.LETTER: f"dead letter {given.letter}" if given.letter else "dead letter",
    }[given.origin]


def source_words(given: NodeInput, now: float) -> str:
    """Return where an input comes from, its age, and the revision that made it."""
    said = [origin_words(given)]
    if given.at:
        said.append(f"{fmt.age(now - given.at)} ago")
    if given.revision and given.origin is not Origin.MOCK:
        said.append(f"rev {given.revision[:_REVISION_CHARS]}")
    return ", ".join(said)


def short_source_words(given: NodeInput, now: float) -> str:
    """Return where an input comes from in a word, and its age."""
    return f"{given.origin}, {fmt.age(now - given.at)} ago" if given.at else str(given.origin)


def stale_words(given: NodeInput | None) -> str:
    """Return that an input is stale and why, nothing if it is not."""
    return f"STALE: {given.stale}" if given is not None and given.stale else ""


def inputs_words(inputs: Sequence[NodeInput]) -> str:
    """Return the origins of a run's inputs, each once: `mock`, `pin, cache`."""
    return ", ".join(dict.fromkeys(each.origin.value for each in inputs))


def result_words(run: DevRun) -> str:
    """Return what came of a run, in a few words."""
    if run.failure is not None:
        return f"{run.failure.error}: {run.failure.message}"
    if run.note:
        return run.note
    return f"port {run.port}" if run.port else "well"


def changes_of(run: DevRun) -> tuple[Change, ...]:
    """Return how the output of a run differs from its input; nothing without either."""
    before = whole_input(run.inputs, [each.upstream for each in run.inputs])
    if run.output is None or before is None:
        return ()
    return differences(before.payload, run.output.payload)


def output_words(run: DevRun, changes: Sequence[Change]) -> str:
    """Return what stands above an output: `0.2 ms, changed 1 of 6`."""
    # A port says more than a time, which stands among the runs as well.
    took = [fmt.milliseconds(run.ms)] if run.ms is not None else []
    said = [f"port {run.port}"] if run.port else took
    if run.failure is not None:
        said.append("failed")
    elif run.note and run.output is None:
        said.append(run.note)
    if run.output is not None and run.inputs and (changes or not run.port):
        gone = sum(count_leaves(each.old) for each in changes if each.kind is ChangeKind.REMOVED)
        came = sum(count_leaves(each.new) for each in changes if each.kind is not ChangeKind.REMOVED)
        said.append(f"changed {came + gone} of {count_leaves(run.output.payload) + gone}")
    return ", ".join(said)


def difference_words(changes: Iterable[Change]) -> str:
    """Return how many changes of each kind there are; `the same` for none."""
    kinds = [each.kind for each in changes]
    return ", ".join(f"{kinds.count(kind)} {kind}" for kind in ChangeKind if kind in kinds) or "the same"


def sign_of(kind: ChangeKind) -> tuple[str, Tone]:
    """Return the sign of a change."""
    return _SIGNS[kind]


def run_entries(run: DevRun, now: float) -> list[Entry]:
    """Return all that a run said: why it failed, with the author's frame first, and what it logged."""
    entries: list[Entry] = []
    if run.failure is not None:
        entries.append(Entry("", f"✖ {run.failure.error}: {run.failure.message}{run.failure.place}", Tone.BAD))
    else:
        took = f" in {fmt.milliseconds(run.ms)}" if run.ms is not None else ""
        what = run.note or (f"port {run.port}" if run.port else "")
        entries.append(Entry("", f"✔ ran well{took}{f': {what}' if what else ''}", Tone.GOOD))
    facts = [f"run at {fmt.clock(run.at)}, {fmt.age(now - run.at)} ago"]
    facts += [f"with {source_words(each, run.at)}" for each in run.inputs]
    entries.append(Entry("", "; ".join(facts), Tone.MUTED))
    entries += [Entry("", f"! {stale_words(each)}", Tone.WARN) for each in run.inputs if each.stale]
    if run.cut:
        entries.append(Entry("", f"! too big to be kept: {', '.join(run.cut)}", Tone.WARN))
    if run.failure is not None and run.failure.traceback:
        entries.append(heading("Traceback, your own code first"))
        entries += [Entry("", line) for line in run.failure.traceback.rstrip().splitlines()]
    if run.lines:
        entries.append(heading("Log"))
        entries += line_entries(run.lines)
    return entries


def line_entries(lines: Iterable[DevLine]) -> list[Entry]:
    """Return what a node logged last, and how much came before."""
    said = [*lines]
    more = len(said) - _MOST_LINES
    before = [Entry("", f"… {fmt.plural(more, 'line')} before these", Tone.MUTED)] if more > 0 else []
    return before + [_line(each) for each in said[-_MOST_LINES:]]


def _line(line: DevLine) -> Entry:
    sign, tone = next((sign, tone) for level, sign, tone in _LEVELS if line.level >= level)
    return Entry(fmt.clock(line.time), f"{sign} {line.message}", tone)
