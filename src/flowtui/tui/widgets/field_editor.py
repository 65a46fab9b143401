"""What one field of a form is edited with, and what its text stands for."""

from __future__ import annotations

import json
from typing import Any

from textual.widgets import Input, Select, TextArea

from flowtui.model.forms import Choice, FieldKind, FormField
from flowtui.tui.cells import safe

Editor = Input | Select[int] | TextArea

#: What is edited as JSON.
AS_JSON = (FieldKind.JSON, FieldKind.LIST, FieldKind.MAPPING, FieldKind.OBJECT)
_NUMBERS = (FieldKind.INTEGER, FieldKind.NUMBER, FieldKind.DURATION)
_YES_OR_NO = (Choice(True, "yes"), Choice(False, "no"))
#: In the place of a choice: a text, for a template.
ANY_TEXT = -1
#: In a text field: an empty text, where nothing would leave it to the default.
EMPTY = '""'


def choices_of(field: FormField) -> tuple[Choice, ...]:
    """Return what a field may be set to, nothing if that is not known."""
    return _YES_OR_NO if field.kind is FieldKind.BOOLEAN else field.choices or ()


def is_chosen(field: FormField) -> bool:
    """Return whether a field's value is chosen from a list, and not written as a text that is none of it."""
    if field.kind in AS_JSON or not choices_of(field):
        return False
    value = field.value if field.given else field.default
    return value is None or _place(field, value) is not None or not isinstance(value, str)


def make_editor(field: FormField, *, filled: bool) -> Editor:
    """Return what edits a field; `filled` has the default stand in it, else it is only named where nothing is given."""
    value = field.current if filled else field.value if field.given else None
    if choices_of(field) and (filled or is_chosen(field)) and field.kind not in AS_JSON:
        # By their places: two choices may be equal to Python, as 1 and true are.
        options = [(safe(choice.label), place) for place, choice in enumerate(choices_of(field))]
        options += [("{{ … }} a template", ANY_TEXT)] if field.template and not filled else []
        place = _place(field, value)
        prompt = "choose" if filled or field.default is None else f"{_word(field, field.default)} (default)"
        return Select(options, value=Select.NULL if place is None else place, prompt=safe(prompt), compact=True)
    if field.multi_line or field.kind in AS_JSON:
        text = text_of(field, value)
        area = TextArea(text, compact=True, tab_behavior="focus", highlight_cursor_line=False)
        area.placeholder = "" if filled or field.default is None else f"{safe(text_of(field, field.default))} (default)"
        area.cursor_blink = False  # a blinking cursor is bytes all day
        return area
    hint = "" if filled or field.default is None else f"{safe(text_of(field, field.default)) or EMPTY} (default)"
    line = Input(text_of(field, value), placeholder=hint, compact=True, select_on_focus=False)
    line.cursor_blink = False
    return line


def text_of(field: FormField, value: Any) -> str:
    """Return a value as it is written in its field."""
    if value is None:
        return ""
    if isinstance(value, str) and field.kind not in AS_JSON:
        return value
    return json.dumps(value, indent=2 if field.kind in AS_JSON else None, ensure_ascii=False)


def read_editor(field: FormField, editor: Editor) -> tuple[bool, Any]:
    """Return whether an editor holds a value, and the value.

    Raises:
        ValueError: if it must be JSON and is not.
    """
    if isinstance(editor, Select):
        place = editor.value
        if not isinstance(place, int) or place == ANY_TEXT:
            return False, None
        return True, choices_of(field)[place].value
    text = editor.text if isinstance(editor, TextArea) else editor.value
    return bool(text.strip()), _meant(field, text)


def place_in(field: FormField, editor: Select[int]) -> None:
    """Have a list of choices show a field's value."""
    place = _place(field, field.value) if field.given else None
    editor.value = Select.NULL if place is None else place


def _place(field: FormField, value: Any) -> int | None:
    return next((at for at, each in enumerate(choices_of(field)) if json.dumps(each.value) == json.dumps(value)), None)


def _word(field: FormField, value: Any) -> str:
    place = _place(field, value)
    return text_of(field, value) if place is None else choices_of(field)[place].label


def _meant(field: FormField, text: str) -> Any:
    """Return what a text stands for; a number that is none stays a text, which the engine then refuses."""
    kind = field.kind
    if not text.strip():
        return None
    if kind in AS_JSON:
        # A template or a reference may stand where a list or an object is wanted.
        return text if field.template and text.lstrip().startswith(("{{", "${")) else json.loads(text)
    if kind in _NUMBERS or (kind is FieldKind.CHOICE and not isinstance(field.default, str)):
        try:
            value = json.loads(text, parse_constant=lambda _: text)
        except ValueError:
            return text
        return value if isinstance(value, int | float) or (value is None and field.nullable) else text
    return "" if text == EMPTY else text
