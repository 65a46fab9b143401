"""A form to fill in: a field for each input of a run, what it is for and what is wrong with it beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Select, Static

from flowtui.model.forms import FieldKind, Form, FormField
from flowtui.tui.cells import safe
from flowtui.tui.widgets.field_editor import make_editor, read_editor

#: Of a form without fields: all of it is one JSON object.
WHOLE = FormField(
    path=(), kind=FieldKind.JSON, type="object", label="Input", help="A JSON object: what the run begins with."
)


class FieldRow(Horizontal):
    """One field: its label, what it holds, and below that what it is for or what is wrong with it."""

    def __init__(self, field: FormField) -> None:
        super().__init__(classes="field")
        self.field = field
        self._editor = make_editor(field, filled=True)
        self._note = Static(classes="field-note", markup=False)

    def compose(self) -> ComposeResult:
        mark = " *" if self.field.required else ""
        yield Static(f"{safe(self.field.label)}{mark}", classes="field-label", markup=False)
        with Vertical(classes="field-body"):
            yield self._editor
            yield self._note

    def on_mount(self) -> None:
        self.complain("")

    def complain(self, message: str) -> None:
        """Show what is wrong with it; with nothing what it is for."""
        self._note.update(safe(message or self._help()))
        self._note.set_class(bool(message), "field-wrong")
        self._note.display = bool(message or self._help())

    def _help(self) -> str:
        kind = "" if self.field.kind in (FieldKind.TEXT, FieldKind.CHOICE, FieldKind.BOOLEAN) else self.field.type
        kind = "JSON" if self.field.path and self.field.kind is FieldKind.JSON else kind
        return ": ".join(filter(None, (kind, self.field.help))) if self.field.path else self.field.help

    def take(self) -> tuple[bool, Any]:
        """Return whether it holds a value, and the value.

        Raises:
            ValueError: if it must be JSON and is not.
        """
        is_given, value = read_editor(self.field, self._editor)
        if not is_given and self.field.kind is FieldKind.TEXT and self.field.default:
            return not isinstance(self._editor, Select), ""
        return is_given, value


class InputForm(VerticalScroll, can_focus=False):
    """The fields of a form, or one for a whole JSON object if there is none."""

    def __init__(self, form: Form | None) -> None:
        super().__init__(id="form")
        self._rows = [FieldRow(field) for field in (form.fields if form is not None else (WHOLE,))]
        self._rest = Static(id="form-rest", classes="field-wrong", markup=False)

    def compose(self) -> ComposeResult:
        yield from self._rows
        yield self._rest

    def on_mount(self) -> None:
        self._rest.display = False

    def complain(self, faults: Mapping[str, str]) -> None:
        """Show what is wrong with each field, under an empty name with all of it; go to the first such field."""
        for row in self._rows:
            row.complain(faults.get(row.field.name, "") if row.field.path else "; ".join(faults.values()))
        known = {row.field.name for row in self._rows}
        rest = "; ".join(message for name, message in faults.items() if name not in known)
        self._rest.update(safe(rest))
        self._rest.display = bool(rest)
        wrong = next((row for row in self._rows if row.field.name in faults), None)
        if wrong is not None:
            wrong.query("Input, Select, TextArea").first(Widget).focus()

    def values(self) -> dict[str, Any] | None:
        """Return what was filled in; None if some of it is no JSON, which is shown then."""
        found: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for row in self._rows:
            try:
                is_given, value = row.take()
            except ValueError as error:
                faults[row.field.name] = f"it is no JSON: {error}"
                continue
            if not row.field.path:
                if not is_given:
                    value = {}
                if not isinstance(value, dict):
                    faults[""] = 'it must be a JSON object, such as {"n": 1}'
                else:
                    found = value
            elif is_given:
                found[row.field.name] = value
        self.complain(faults)
        return None if faults else found
