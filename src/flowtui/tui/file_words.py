"""What is said of files, their problems, reloads and texts: the same in panes, details and questions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from flowtui.model.diff import Change, ChangeKind, shown_path
from flowtui.model.errors import Problem, Severity
from flowtui.model.excerpts import Excerpt
from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.model.workflows import FileKind, KeptText, LoopChange, RollBack, WorkflowView
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Detail, Entry, excerpt_entries, heading
from flowtui.tui.json_text import as_line
from flowtui.tui.run_words import sign_of
from flowtui.tui.wording import (
    FAILED_RANK,
    TROUBLED_RANK,
    Word,
    loop_counts,
    loop_glyph,
    loop_rank,
    problem_place,
    stalled_node,
    tone_of,
    worst_first,
)

_LINE_TONES = {"+": Tone.GOOD, "-": Tone.BAD, "@": Tone.MUTED}


def loops_of(view: WorkflowView, loops: Mapping[str, LoopView]) -> list[LoopView]:
    """Return those of all loops, by id, that are of a file or use its nodes, the worst first."""
    return worst_first(loops[each] for each in view.loops if each in loops)


def file_sign(view: WorkflowView, loops: Sequence[LoopView], now: float) -> Word:
    """Return the sign of a file: what is wrong with it or with one of its loops before all else."""
    if view.errors:
        return "✖", Tone.BAD
    worst = _worst_rank(view, loops)
    if worst == FAILED_RANK or (worst <= TROUBLED_RANK and not view.problems):
        return loop_glyph(loops[0], now)
    if view.problems:
        return "!", Tone.WARN
    if view.is_gone or view.kind is FileKind.IGNORED:
        return "–", Tone.MUTED
    return ("●", Tone.GOOD) if view.loops else ("○", Tone.MUTED)


def file_rank(view: WorkflowView, loops: Sequence[LoopView]) -> int:
    """Return where a file stands among others: lower is worse, and first. Of its `loops` the worst is the first."""
    if view.errors:
        return 0
    worst = _worst_rank(view, loops)
    if worst == FAILED_RANK:
        return 1
    if view.problems:
        return 2
    if worst <= TROUBLED_RANK:
        return 3
    if view.is_gone:
        return 6
    return {FileKind.IGNORED: 7, FileKind.MODULE: 5}.get(view.kind, 4)


def _worst_rank(view: WorkflowView, loops: Sequence[LoopView]) -> int:
    # A module is not to blame for what becomes of the loops that use it.
    own = loops if view.kind is FileKind.WORKFLOW else ()
    return min(map(loop_rank, own), default=TROUBLED_RANK + 1)


def file_state(view: WorkflowView, loops: Sequence[LoopView]) -> Word:
    """Return in words what runs of a file, and how its loops are."""
    counts = loop_counts(loops)
    said = ", ".join(f"{number} {state}" for number, state in counts)
    if view.ignored:
        return f"ignored: {view.ignored}", Tone.MUTED
    if view.is_gone:
        return "deleted: b brings it back", Tone.MUTED
    if view.kind is FileKind.FOLDER:
        return "", Tone.TEXT
    if view.is_broken:
        broken = "what it needs is broken" if view.is_innocent else "broken"
        with_loops = bool(said) and view.kind is FileKind.WORKFLOW
        return f"{broken}, {runs_words(view)}" + (f": {said}" if with_loops else ""), Tone.BAD
    if view.kind is FileKind.MODULE:
        return (f"used by {fmt.plural(len(view.loops), 'loop')}" if view.loops else "used by no loop"), Tone.MUTED
    if not counts:
        return "no loops", Tone.MUTED
    if stalled := sum(stalled_node(loop) is not None for loop in loops):
        return f"{said} ({stalled} stalled)", Tone.WARN
    return said, next((tone_of(loop.state) for loop in loops), Tone.TEXT)


def runs_words(view: WorkflowView) -> str:
    """Return what goes on of a broken file: `r2 still runs`."""
    if view.revision:
        return f"r{view.revision} still runs"
    return "its old code still runs" if view.loops else "nothing runs"


def problems_word(view: WorkflowView) -> Word:
    """Return how many problems a file has, and the worst: `2: unknown-node`."""
    if not view.problems:
        return "", Tone.TEXT
    return f"{len(view.problems)}: {view.problems[0].problem.code}", Tone.BAD if view.errors else Tone.WARN


def problem_sign(problem: Problem) -> Word:
    """Return the sign of a problem."""
    return ("✖", Tone.BAD) if problem.severity is Severity.ERROR else ("!", Tone.WARN)


def file_detail(view: WorkflowView, snapshot: EngineSnapshot) -> Detail:
    """Return all about a file."""
    now = snapshot.taken_at
    loops = loops_of(view, {loop.id: loop for loop in snapshot.loops})
    state, tone = file_state(view, loops)
    entries = [
        Entry("file", str(view.path)),
        Entry("kind", str(view.kind)),
        *([Entry("state", state, tone)] if state else []),
        *([Entry("workflow", view.workflow)] if view.workflow else []),
        *([Entry("runs", f"r{view.revision}")] if view.revision else []),
        *([Entry("changed", _ago(view.changed_at, now))] if view.changed_at else []),
        *([Entry("loaded", _ago(view.loaded_at, now))] if view.loaded_at else []),
        Entry("nodes", f"{view.nodes:,}"),
        Entry("kept", f"{fmt.plural(view.kept, 'text')}, to be had with b and B" if view.kept else "no text yet"),
    ]
    if loops:
        entries += [heading("Loops"), *(Entry(loop.id, str(loop.state), tone_of(loop.state)) for loop in loops)]
    if view.problems:
        entries.append(heading("Problems"))
    for each in view.problems:
        sign, tone = problem_sign(each.problem)
        entries.append(Entry(problem_place(each.problem), f"{sign} {each.problem.message}", tone))
        entries += excerpt_entries(each.excerpt)
    return Detail(f"File {view.name}", tuple(entries))


def find_file(snapshot: EngineSnapshot, view: WorkflowView) -> WorkflowView | None:
    """Return the file in another snapshot."""
    return next((each for each in snapshot.workflows if (each.path, each.kind) == (view.path, view.kind)), None)


def excerpt_of(problem: Problem, snapshot: EngineSnapshot) -> Excerpt | None:
    """Return the lines around a problem, None if they are not known."""
    found = (each for view in snapshot.workflows for each in view.problems if each.problem == problem)
    return next((each.excerpt for each in found), None)


# Changes of loops


def change_lines(changes: Iterable[LoopChange]) -> Iterator[tuple[str, Word]]:
    """Yield for each loop what became of it, then each difference below it: an indent, then sign and words."""
    for change in changes:
        sign, tone = sign_of(change.kind)
        what = {ChangeKind.ADDED: "new", ChangeKind.REMOVED: "removed"}.get(change.kind, "changed")
        yield "", (f"{sign} {change.loop} {what}", tone)
        if change.problem:
            yield "  ", (f"✖ {change.problem}", Tone.BAD)
        for each in change.changes:
            yield "  ", _change_word(each)


def _change_word(change: Change) -> Word:
    sign, tone = sign_of(change.kind)
    place = change.path[1:] if change.path[:1] in (("nodes",), ("loop",)) else change.path
    is_node = change.path[0] == "nodes"
    if is_node and len(place) == 1:
        node = change.new if change.kind is ChangeKind.ADDED else change.old
        return f"{sign} node {place[0]} ({node.get('type', '')})", tone
    where = f"{place[0]}: {shown_path(place[1:])}" if is_node else f"loop: {shown_path(place)}"
    if is_node and place[1:] == ("code",):
        return f"{sign} {place[0]}: its code ({change.old} → {change.new})", tone
    old, new = as_line(change.old), as_line(change.new)
    values = {
        ChangeKind.ADDED: new,
        ChangeKind.REMOVED: old,
        ChangeKind.CHANGED: f"{old} → {new}",
        ChangeKind.MOVED: f"was [{change.was}]: {new}",
    }[change.kind]
    return f"{sign} {where} {values}", tone


# Rolling back


def text_words(text: KeptText, now: float) -> str:
    """Return which text that is: `r2 of 14:02:11 (3 min ago)`."""
    which = f"r{text.revision} of" if text.revision else "of"
    return f"{which} {fmt.moment(text.at)} ({fmt.age(max(0.0, now - text.at))} ago)"


def roll_back_entries(planned: RollBack) -> list[Entry]:
    """Return what would change: the loops, what is wrong with the text, then the difference line by line."""
    entries: list[Entry] = []
    if planned.problems:
        entries.append(heading("This text has problems, too"))
        entries += [
            Entry(problem_place(each), f"{problem_sign(each)[0]} {each.message}", problem_sign(each)[1])
            for each in planned.problems
        ]
    if planned.changes:
        entries.append(heading("What becomes of what runs"))
        entries += [Entry("", indent + text, tone) for indent, (text, tone) in change_lines(planned.changes)]
    entries.append(heading("What changes in the file"))
    if not any(sign in "+-" for sign, _ in planned.lines):
        return [*entries, Entry("", "Nothing that could be seen.", Tone.MUTED)]
    for sign, text in planned.lines:
        shown = f"{sign} {text}" if sign != "@" else f"… {text}"
        entries.append(Entry("", shown, _LINE_TONES.get(sign, Tone.TEXT), verbatim=True))
    return entries


def roll_back_question(planned: RollBack, now: float) -> str:
    """Return what is asked before a file is rolled back."""
    which = text_words(planned.to, now)
    is_what_runs = not planned.changes and not planned.problems and planned.note and planned.digest
    effect = "What runs goes on unchanged. " if is_what_runs else ""
    note = f"{planned.note} " if planned.note else ""
    stays = "The text that it has now is kept, too: B leads back to it." if planned.digest else ""
    return f"{note}Write the text {which} to {planned.name}? {effect}{stays}".strip()


def _ago(moment: float, now: float) -> str:
    return f"{fmt.moment(moment)} ({fmt.age(max(0.0, now - moment))} ago)"
