"""`Pane`: a framed list of rows with a title, a filter, a cursor and keys to move it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.message import Message

from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.cells import Line, Lit, Piece, Tone, fill, lit, piece, wrap
from flowtui.tui.widgets.frame import lower_edge, side_tone, upper_edge
from flowtui.tui.widgets.painted import Painted

_WHEEL_LINES = 3
_NO_SIGN = Piece(" ", Tone.TEXT, 1)


class Pane(Painted, can_focus=True):
    """A framed list. Rows are counted from 0; `top` is the first one shown, `cursor` the chosen one."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.PANE)

    class Opened(Message):
        """The row under the cursor shall be shown in detail."""

        def __init__(self, pane: Pane) -> None:
            super().__init__()
            self.pane = pane

        @property
        def control(self) -> Pane:
            return self.pane

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.heading = name
        self.taking_turns: tuple[str, ...] = ()  # panes that take turns with this one, for the title
        self.filter_text = ""
        self.cursor = 0
        self.top = 0

    # What a subclass supplies

    def row_count(self) -> int:
        """Return how many rows there are, filtered."""
        raise NotImplementedError

    def row(self, index: int, width: int) -> Line:
        """Return one row."""
        raise NotImplementedError

    @property
    def chosen(self) -> object | None:
        """What the row under the cursor shows, None if there is no row."""
        raise NotImplementedError

    def column_heads(self, width: int) -> Line | None:
        """Return the line above the rows, None for none."""
        return None

    def title_words(self) -> str:
        """Return what the title says behind the pane's name: what is shown, how filtered."""
        return f"/{self.filter_text}" if self.filter_text else ""

    def corner_words(self) -> str:
        """Return what stands at the lower right."""
        rows = self.row_count()
        if rows <= self.page:
            return ""
        return f"{self.top + 1}–{min(rows, self.top + self.page)} of {rows:,}"

    def empty_words(self) -> str:
        """Return what an empty pane says: what would be here, what to do."""
        return ""

    def apply_filter(self) -> None:
        """Take `filter_text` into account."""

    @property
    def filter_typed(self) -> str:
        """What was typed as a filter, also if it is not heeded."""
        return self.filter_text

    @property
    def filter_fault(self) -> str:
        """Why what was typed is not heeded, empty if it is."""
        return ""

    def is_lit(self, index: int) -> bool:
        """Return whether a row is shown as chosen."""
        return index == self.cursor

    def margin(self, index: int) -> Piece:
        """Return the one cell between the frame and a row."""
        return _NO_SIGN

    def head_clicked(self, x: int) -> None:
        """Take a click on the line above the rows, `x` cells from their left."""

    # Moving

    @property
    def page(self) -> int:
        """How many rows are shown at once."""
        return max(1, self.size.height - 2 - (self.column_heads(max(1, self.size.width - 4)) is not None))

    @property
    def cursor_line(self) -> int:
        """On which of its lines, the frame's among them, the pane shows the cursor's row."""
        return 1 + (self.column_heads(max(1, self.size.width - 4)) is not None) + self.cursor - self.top

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, or the nearest there is, and bring it into view."""
        self.cursor = max(0, min(index, self.row_count() - 1))
        self.keep_in_view()
        self.repaint()

    def keep_in_view(self) -> None:
        """Scroll so that the cursor's row is seen and no room is wasted below the last row."""
        self.top = max(self.cursor - self.page + 1, min(self.top, self.cursor))
        self.top = max(0, min(self.top, self.row_count() - self.page))

    def on_resize(self) -> None:
        self.keep_in_view()
        self._redraw()

    def scroll_rows(self, rows: int) -> None:
        """Scroll without moving the cursor further than it must to stay in view."""
        self.top = max(0, min(self.top + rows, self.row_count() - self.page))
        self.move_to(max(self.top, min(self.cursor, self.top + self.page - 1)))

    def set_filter(self, text: str) -> None:
        """Show only rows in which all words of `text` occur, in any case."""
        if text != self.filter_text:
            self.filter_text = text
            self.apply_filter()
            self.repaint()

    def has_words(self, text: str) -> bool:
        """Return whether all words of the filter occur in a text, in any case."""
        if not self.filter_text:
            return True
        folded = text.casefold()
        return all(word in folded for word in self.filter_text.casefold().split())

    def take_back(self) -> bool:
        """Show what the last filter hides; return whether there was one."""
        had_one = bool(self.filter_text)
        self.set_filter("")
        return had_one

    def action_cursor_down(self) -> None:
        self.move_to(self.cursor + 1)

    def action_cursor_up(self) -> None:
        self.move_to(self.cursor - 1)

    def action_page_down(self) -> None:
        self.move_to(self.cursor + self.page)

    def action_page_up(self) -> None:
        self.move_to(self.cursor - self.page)

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(self.row_count() - 1)

    def action_open(self) -> None:
        if self.row_count():
            self.post_message(self.Opened(self))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        self.scroll_rows(_WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        self.scroll_rows(-_WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        event.stop()
        self.focus()
        if event.y == 1 and self.column_heads(max(1, self.size.width - 4)) is not None:
            self.head_clicked(event.x - 2)
            return
        index = self.row_at(event.y)
        if index is not None:
            self.move_to(index)
            if event.chain == 2:
                self.action_open()

    def row_at(self, y: int) -> int | None:
        """Return which row stands in a line of the pane, None for none; `y` counts from the upper edge."""
        heads = self.column_heads(max(1, self.size.width - 4)) is not None
        index = self.top + y - 1 - heads
        return index if self.top <= index < min(self.row_count(), self.top + self.page) else None

    # Drawing

    def draw(self, width: int, height: int) -> list[Line]:
        if width < 8 or height < 3:
            return []
        inner = width - 4
        body: list[Line] = []
        heads = self.column_heads(inner)
        if heads is not None:
            body.append(heads)
        signs = [_NO_SIGN] * (height - 2)
        if self.row_count():
            drawn = self.draw_rows(inner, height - 2 - len(body))
            rows = range(self.top, min(self.row_count(), self.top + len(drawn)))
            signs[len(body) : len(body) + len(rows)] = [self.margin(index) for index in rows]
            body += drawn
        elif empty := self.empty_words():
            body = [(piece(line, inner, Tone.MUTED),) for line in wrap(empty, inner)]
        body += [()] * (height - 2 - len(body))
        signs += [_NO_SIGN] * (height - 2 - len(signs))
        side = side_tone(self.has_focus)
        left, right = Piece("│", side, 1), Piece(" │", side, 2)
        framed = [(left, sign, *fill(line, inner), right) for sign, line in zip(signs, body, strict=False)]
        upper = upper_edge(width, self.has_focus, self.heading, self.title_words(), self.taking_turns)
        return [upper, *framed, lower_edge(width, self.has_focus, self.corner_words())]

    def draw_rows(self, width: int, height: int) -> list[Line]:
        """Return the lines of the rows from `top` on, as many as fit."""
        shown = range(self.top, min(self.row_count(), self.top + height))
        return [self.lit_up(index, self.row(index, width), width) for index in shown]

    def lit_up(self, index: int, line: Line, width: int) -> Line:
        """Return a line of a row as it looks if the row is chosen, or is not."""
        line = fill(line, width)
        return lit(line, Lit.YES if self.has_focus else Lit.BLURRED) if self.is_lit(index) else line
