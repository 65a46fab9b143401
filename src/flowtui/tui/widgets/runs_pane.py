"""The last runs of a node, and the line above its inspector."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flowtui.model.development import DevRun, Inspection
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Piece, Tone, fit, safe, width_of_line, words
from flowtui.tui.run_words import inputs_words, result_words
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.widgets.painted import Painted

_SPINNER = "◐◓◑◒"


class RunsPane(LiveTable[DevRun]):
    """Runs of one node in development mode, newest first."""

    columns = (
        Column("", 1),
        Column("AT", 8),
        Column("TOOK", 7, "right", drop=1),
        Column("INPUT", 11, drop=2),
        Column("RESULT", 8, grows=True),
    )

    def key(self, item: DevRun) -> object:
        return item.id

    def cells(self, item: DevRun) -> Sequence[Cell]:
        tone = Tone.GOOD if item.ok else Tone.BAD
        return (
            ("✔" if item.ok else "✖", tone),
            (fmt.clock(item.at), Tone.TEXT),
            (fmt.milliseconds(item.ms), Tone.TEXT),
            (inputs_words(item.inputs) or fmt.NOTHING, Tone.MUTED),
            (result_words(item), Tone.TEXT if item.ok else tone),
        )

    def searched(self, item: DevRun) -> str:
        return f"{inputs_words(item.inputs)} {result_words(item)}"

    def empty_words(self) -> str:
        return super().empty_words() or "No runs yet. f5 runs the node; the last 20 runs are kept."


@dataclass(frozen=True, slots=True)
class Standing:
    """How the work with a node stands.

    Attributes:
        running_s: for how long it runs, None if it does not.
        changed: settings that were changed and not saved.
        letters: how many dead letters are like the one that is inspected; None without one.
        note: what has just been done.
    """

    running_s: float | None = None
    run: DevRun | None = None
    changed: Sequence[str] = ()
    letters: int | None = None
    note: str = ""


class NodeBar(Painted):
    """Which node, where it stands in its file, and how the work with it stands."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._inspection: Inspection | None = None
        self._standing = Standing()
        self._wanted = ""

    def show(self, wanted: str, inspection: Inspection | None, standing: Standing) -> None:
        """Show how it stands; `wanted` names the node while nothing is known of it."""
        self._wanted, self._inspection, self._standing = wanted, inspection, standing
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        found = self._inspection
        if found is None:
            return [(words(f" {self._wanted}", Tone.STRONG), words("  loading …", Tone.MUTED))]
        right = self._state()
        node = words(f" {found.node}", Tone.STRONG)
        place = f"{found.path.name}:{found.line}"
        for rest in (f"  {found.type} · {found.loop} · {place}", f"  {found.type} · {place}", f"  {found.type}", ""):
            left = (node, words(rest, Tone.MUTED))
            room = width - width_of_line(left) - width_of_line(right)
            if room >= 2:
                return [(*left, Piece(" " * room, Tone.TEXT, room), *right)]
        room = max(1, width - width_of_line(right) - 1)
        return [(Piece(fit(safe(f" {found.node}"), room), Tone.STRONG, room), words(" "), *right)]

    def _state(self) -> list[Piece]:
        standing = self._standing
        said: list[Piece] = []
        if standing.letters is not None:
            like = fmt.plural(standing.letters, "letter") if standing.letters else "no letters"
            said.append(words(f"† {like} like this  ", Tone.WARN if standing.letters else Tone.GOOD))
        if self._inspection is not None and self._inspection.may_edit:
            said.append(words("read-only  ", Tone.WARN))
        elif standing.changed:
            said.append(words(f"~ {fmt.plural(len(standing.changed), 'setting')} not saved  ", Tone.WARN))
        return [*said, *self._run_words()]

    def _run_words(self) -> list[Piece]:
        standing = self._standing
        if standing.running_s is not None:
            sign = _SPINNER[int(standing.running_s * 4) % len(_SPINNER)]
            return [words(f"{sign} running {standing.running_s:.1f} s, esc cancels ", Tone.ACCENT)]
        if standing.run is None:
            return [words("○ not run ", Tone.MUTED)]
        if standing.run.failure is not None:
            return [words(f"✖ failed: {standing.run.failure.error} ", Tone.BAD)]
        took = f", {fmt.milliseconds(standing.run.ms)}" if standing.run.ms is not None else ""
        return [words(f"✔ ran well{took} ", Tone.GOOD)]
