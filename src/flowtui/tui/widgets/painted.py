"""`Painted`: a widget that draws whole lines and has the cells repainted that differ from the last time."""

from __future__ import annotations

from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from flowtui.tui.cells import Line, Lit, Piece, Tone, changed_spans, fill

_LIT = {Lit.YES: "cell--lit", Lit.BLURRED: "cell--lit-blurred", Lit.FRESH: "cell--fresh"}


class Painted(Widget):
    """Base of all that is drawn in cells. Subclasses implement `draw`."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"cell--{tone}" for tone in Tone} | set(_LIT.values())

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._strips: dict[int, tuple[Line, Strip]] = {}  # what was last made of a line
        self._rich: dict[tuple[Tone, Lit], Style] = {}

    def draw(self, width: int, height: int) -> list[Line]:
        """Return at most `height` lines; each is cut or filled to `width`."""
        raise NotImplementedError

    @property
    def is_shown(self) -> bool:
        """Whether drawing is any use now; hidden widgets do no work."""
        return self.is_mounted and self.display and self.size.area > 0 and self.is_on_screen

    def repaint(self) -> None:
        """Draw again and have repainted what changed."""
        if not self.is_shown:
            return
        old, new = self._lines, self._drawn()
        self._lines = new
        if len(old) != len(new):
            self.refresh()
            return
        regions: list[Region] = []
        for y, (before, after) in enumerate(zip(old, new, strict=True)):
            if before == after:
                new[y] = before  # of which there is a strip
            else:
                regions += (Region(first, y, end - first, 1) for first, end in changed_spans(before, after))
        if regions:
            self.refresh(*regions)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Return lines for the terminal (called by Textual).

        What Textual itself would do here costs more than all the rest: it looks at every line for borders, padding,
        tints and opacity, of which a painted widget has none.
        """
        strips = [self._strip_at(y) for y in crop.line_range]
        first, end = crop.column_span
        return strips if (first, end) == (0, self.size.width) else [strip.crop(first, end) for strip in strips]

    def _strip_at(self, y: int) -> Strip:
        if y >= len(self._lines):
            return Strip.blank(self.size.width, self._style(Tone.TEXT, Lit.NO))
        line, made = self._lines[y], self._strips.get(y)
        if made is None or made[0] is not line:
            self._strips[y] = made = line, self._strip(line)
        return made[1]

    def notify_style_update(self) -> None:
        """Forget the styles of the old theme (called by Textual)."""
        self._rich.clear()
        self._strips.clear()
        super().notify_style_update()

    def on_resize(self) -> None:
        self._redraw()

    def on_show(self) -> None:
        self._redraw()

    def watch_has_focus(self, has_focus: bool) -> None:
        """Draw as one that has the keys, or no longer (called by Textual)."""
        super().watch_has_focus(has_focus)
        self._redraw()

    def _redraw(self) -> None:
        if self.is_mounted and self.size.area:
            self._lines = self._drawn()
            self.refresh()

    def _drawn(self) -> list[Line]:
        width, height = self.size
        lines = [fill(line, width) for line in self.draw(width, height)[:height]]
        return lines + [fill((), width)] * (height - len(lines))

    def _strip(self, line: Line) -> Strip:
        segments: list[Segment] = []
        texts: list[str] = []
        style = self._style_of(line[0]) if line else Style.null()
        for part in line:
            part_style = self._style_of(part)
            # Blanks look the same in every foreground: a style less is twenty bytes less on the wire.
            blank = part.text.isspace() and part_style.bgcolor == style.bgcolor
            blank = blank and not style.reverse and not style.underline
            if part_style != style and not blank:
                segments.append(Segment("".join(texts), style))
                texts, style = [], part_style
            texts.append(part.text)
        segments.append(Segment("".join(texts), style))
        return Strip([segment for segment in segments if segment.text], sum(part.width for part in line))

    def _style_of(self, part: Piece) -> Style:
        return self._style(part.tone, part.lit)

    def _style(self, tone: Tone, lit: Lit) -> Style:
        key = (tone, lit)
        if (style := self._rich.get(key)) is None:
            style = self.get_component_rich_style(f"cell--{tone}")
            if lit:
                over = self.get_component_rich_style(_LIT[lit])
                if over.reverse:
                    # Reversed state colours would be loud stripes; glyph and words still tell the state.
                    style = Style(bold=style.bold, underline=style.underline, reverse=True)
                else:
                    bold, underline = over.bold or style.bold, over.underline or style.underline
                    style += Style(bgcolor=over.bgcolor, bold=bold, underline=underline)
            self._rich[key] = style = self._filtered(style)
        return style

    def _filtered(self, style: Style) -> Style:
        """Return the style for a terminal that has no colours, or others."""
        background = self.background_colors[1]
        segments = [Segment(" ", style)]
        for each in self.get_line_filters():
            segments = each.apply(segments, background)
        return segments[0].style or Style.null()
