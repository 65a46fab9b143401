"""The frame of a pane, drawn around rows or around other widgets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.widget import Widget

from flowtui.tui.cells import Line, Piece, Tone, fill, fit, width_of, words
from flowtui.tui.widgets.painted import Painted


def side_tone(has_focus: bool) -> Tone:
    """Return how a frame is drawn: only the one that has the keys is bright."""
    return Tone.FRAME_FOCUS if has_focus else Tone.FRAME


def upper_edge(width: int, has_focus: bool, heading: str, said: str, turns: Iterable[str] = ()) -> Line:
    """Return the line with the title; `turns` are panes that take turns with this one."""
    side = side_tone(has_focus)
    name = Tone.ACCENT if has_focus else Tone.STRONG
    title: list[Piece] = [words("╭ ", side), words(heading, name)]
    if said:
        title.append(words(f" {said}" if said.startswith(("of ", "/")) else f": {said}", Tone.TEXT))
    for other in turns:
        title += [words(" · ", side), words(other, Tone.MUTED)]
    title.append(words(" ", side))
    line = list(fill(title, width - 2)) if sum(part.width for part in title) > width - 2 else title
    room = width - 1 - sum(part.width for part in line)
    return (*line, Piece("─" * room, side, room), Piece("╮", side, 1))


def lower_edge(width: int, has_focus: bool, corner: str) -> Line:
    """Return the lowest line, with `corner` at its right."""
    side = side_tone(has_focus)
    said = fit(f" {corner} ", min(width_of(corner) + 2, width - 4)) if corner else ""
    room = width - 3 - width_of(said)
    return (
        Piece("╰" + "─" * room, side, room + 1),
        Piece(said, Tone.MUTED, width_of(said)),
        Piece("─╯", side, 2),
    )


class _Lines(Painted):
    """The frame itself, below what it holds."""

    def __init__(self, box: FramedBox) -> None:
        super().__init__()
        self._box = box

    def draw(self, width: int, height: int) -> list[Line]:
        if width < 8 or height < 3:
            return []
        box, has_focus = self._box, self._box.has_keys
        side = side_tone(has_focus)
        between = (Piece("│", side, 1), Piece(" " * (width - 2), Tone.TEXT, width - 2), Piece("│", side, 1))
        upper = upper_edge(width, has_focus, box.heading, box.said, box.taking_turns)
        return [upper, *[between] * (height - 2), lower_edge(width, has_focus, box.corner)]


class FramedBox(Vertical):
    """Widgets in a frame with a title.

    Attributes:
        said: what the title says behind the heading.
        corner: what stands at the lower right.
        taking_turns: panes that take turns with this one, for the title.

    It can have the focus itself while it holds nothing that could.
    """

    def __init__(self, heading: str, *content: Widget, id: str | None = None) -> None:
        super().__init__(id=id, classes="framed")
        self.heading = heading
        self.said = ""
        self.corner = ""
        self.taking_turns: Sequence[str] = ()
        self._lines = _Lines(self)
        self._content = Vertical(*content, classes="framed-content")

    def compose(self) -> ComposeResult:
        yield self._lines
        yield self._content

    @property
    def has_keys(self) -> bool:
        """Whether something in it has the focus."""
        focused = self.screen.focused
        return focused is not None and self in focused.ancestors_with_self

    def entitle(self, said: str, corner: str = "") -> None:
        """Say this in the title and at the lower right."""
        self.said, self.corner = said, corner
        self._lines.repaint()

    def on_focus(self) -> None:
        self._lines.repaint()

    def on_blur(self) -> None:
        self._lines.repaint()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        self._lines.repaint()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        self._lines.repaint()
