"""What is wrong, the worst first: the line below the header, and the list behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from flowtui.model.errors import Severity
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import LoopState, NodeHealth
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry
from flowtui.tui.wording import errors_first, is_recovering, problem_place


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing that is wrong, as one line; `glyph` and words say it without colour too."""

    glyph: str
    text: str
    tone: Tone


def alerts(snapshot: EngineSnapshot, failure: str) -> list[Alert]:
    """Return everything that is wrong; `failure` says why the engine cannot run at all, or nothing."""
    found = [Alert("✖", failure, Tone.BAD)] if failure else []
    if snapshot.store.trouble and snapshot.store.trouble != failure:
        found.append(Alert("✖", f"store: {snapshot.store.trouble}", Tone.BAD))
    return [*found, *_loops(snapshot), *_files(snapshot), *_queues(snapshot), *_stalled(snapshot), *_letters(snapshot)]


def trouble_detail(snapshot: EngineSnapshot, failure: str) -> Detail:
    """Return the list of all that is wrong."""
    found = alerts(snapshot, failure)
    entries = [Entry(alert.glyph, alert.text, alert.tone) for alert in found]
    return Detail("What is wrong", tuple(entries or [Entry("", "Nothing is wrong.", Tone.GOOD)]))


def _loops(snapshot: EngineSnapshot) -> Iterator[Alert]:
    failed = [loop for loop in snapshot.loops if loop.state is LoopState.FAILED]
    for loop in sorted(failed, key=lambda loop: -loop.since):
        reason = f": {loop.reason}" if loop.reason else ""
        yield Alert("✖", f"{loop.id} failed {fmt.age(snapshot.taken_at - loop.since)} ago{reason}", Tone.BAD)
    for loop in filter(is_recovering, snapshot.loops):
        yield Alert("↻", f"{loop.id}: {loop.reason}", Tone.WARN)


def _files(snapshot: EngineSnapshot) -> Iterator[Alert]:
    problems = errors_first(snapshot.problems)
    if not problems:
        return
    first = problems[0]
    tone = Tone.BAD if first.severity is Severity.ERROR else Tone.WARN
    glyph = "✖" if tone is Tone.BAD else "!"
    number = f"{fmt.plural(len(problems), 'problem')} in files, first " if len(problems) > 1 else ""
    yield Alert(glyph, f"{number}{problem_place(first)} {first.message}", tone)


def _queues(snapshot: EngineSnapshot) -> Iterator[Alert]:
    for queue in snapshot.queues:
        if queue.unaccounted:
            yield Alert("!", f"queue {queue.name}: {fmt.plural(queue.unaccounted, 'item')} unaccounted for", Tone.WARN)


def _stalled(snapshot: EngineSnapshot) -> Iterator[Alert]:
    for loop in snapshot.loops:
        for node in loop.nodes:
            if node.health is NodeHealth.STALLED:
                yield Alert("!", f"{loop.id}: node {node.id} is stalled: {node.health_reason}", Tone.WARN)


def _letters(snapshot: EngineSnapshot) -> Iterator[Alert]:
    if not snapshot.dead_total:
        return
    text = fmt.plural(snapshot.dead_total, "dead letter")
    if snapshot.dead_letters:
        most = max(snapshot.dead_letters, key=lambda group: group.count)
        number = f", {fmt.count(most.count)} of them" if len(snapshot.dead_letters) > 1 else ":"
        text += f"{number} {most.error} at {most.node} of {most.loop}"
    yield Alert("!", text, Tone.WARN)
