"""`JsonEditor`: a text area for a JSON object: coloured, checked while it is typed."""

from __future__ import annotations

from typing import Any, ClassVar

from rich.highlighter import JSONHighlighter
from rich.text import Text
from textual.widgets import TextArea

from flowtui.tui.cells import safe
from flowtui.tui.json_text import JsonFault, read_object

#: What the highlighter finds, and the part of the style sheet that says how it looks.
_LOOKS = {
    "json.key": "json--key",
    "json.str": "json--text",
    "json.number": "json--number",
    "json.bool_true": "json--word",
    "json.bool_false": "json--word",
    "json.null": "json--word",
    "json.brace": "json--brace",
}
_HIGHLIGHTER = JSONHighlighter()
#: In texts of more lines than this the other end of a bracket is not looked for: that takes longer than a key.
_MOST_LINES_MATCHED = 500
#: A line as long as this is shown plain.
_LONGEST_COLOURED = 2000


class JsonEditor(TextArea):
    """Text that should be a JSON object; `fault` says why it is none, and its place is marked."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {*_LOOKS.values(), "json--fault"}

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id, compact=True, tab_behavior="focus", highlight_cursor_line=False)
        self.cursor_blink = False  # a blinking cursor is bytes all day
        self.fault: JsonFault | None = None
        self.value: dict[str, Any] = {}

    def check(self) -> None:
        """Read the text again; its value stays what it was last if it is wrong."""
        found = read_object(self.text)
        if isinstance(found, JsonFault):
            self.fault = found
        else:
            self.value, self.fault = found, None
        self.notify_style_update()  # lines are kept as they were drawn

    def find_matching_bracket(self, bracket: str, search_from: tuple[int, int]) -> tuple[int, int] | None:
        """Return the other end of a bracket (called by Textual)."""
        if self.document.line_count > _MOST_LINES_MATCHED:
            return None
        return super().find_matching_bracket(bracket, search_from)

    def get_line(self, line_index: int) -> Text:
        """Return a line with its colours (called by Textual)."""
        # One character for one: the cursor counts them.
        shown = "".join(safe(char) or "\N{REPLACEMENT CHARACTER}" for char in self.document.get_line(line_index))
        line = Text(shown, end="", no_wrap=True)
        if len(line) <= _LONGEST_COLOURED:
            found = Text(line.plain)
            _HIGHLIGHTER.highlight(found)
            for start, end, name in found.spans:
                if look := _LOOKS.get(str(name)):
                    line.stylize(self.get_component_rich_style(look, partial=True), start, end)
        if self.fault is not None and self.fault.line == line_index + 1:
            at = min(self.fault.column - 1, max(0, len(line) - 1))
            line.stylize(self.get_component_rich_style("json--fault", partial=True), at, at + 1)
        return line
