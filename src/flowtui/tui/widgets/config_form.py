"""`ConfigForm`: the config of a node, field by field, kept up to date while it is edited."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.message import Message
from textual.widgets import Input, Select, TextArea

from flowtui.model.forms import FieldKind, Form, FormField, KeyPath
from flowtui.tui.cells import safe, width_of
from flowtui.tui.trial import RESET
from flowtui.tui.widgets.field_editor import (
    ANY_TEXT,
    AS_JSON,
    choices_of,
    is_chosen,
    make_editor,
    place_in,
    read_editor,
    text_of,
)
from flowtui.tui.widgets.note import Note

_WIDEST_LABEL = 16
#: What is seen of a value that a template becomes.
_RENDERED_CHARS = 300


class ConfigRow(Vertical):
    """One field; below it why it is wrong, what its template becomes, or, while it is edited, what it is for."""

    class Edited(Message):
        """A field was given a value, or `RESET`."""

        def __init__(self, path: KeyPath, value: Any) -> None:
            super().__init__()
            self.path = path
            self.value = value

    def __init__(self, field: FormField, *, read_only: bool) -> None:
        super().__init__(classes="field")
        self._is_tall = field.multi_line or field.kind in AS_JSON
        self.field = field
        self._read_only = read_only
        self.editor = make_editor(field, filled=False)
        self._told = self._held()
        self._label = Note(classes="field-label")
        self._note = Note(classes="field-note")
        self._wrong = ""  # what is written is no JSON
        self._rendered = ""
        self._is_changed = False
        self._label_width = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="field-tall") if self._is_tall else Horizontal(classes="field-line"):
            yield self._label
            with Vertical(classes="field-body"):
                yield self.editor
        yield self._note

    def on_mount(self) -> None:
        self.editor.disabled = self._read_only
        self._hide_secret()
        self._tell()

    @property
    def shape(self) -> object:
        """What a field must have in common with another one to be edited by the same row."""
        return shape_of(self.field)

    def show(self, field: FormField, rendered: str, *, is_changed: bool, is_pending: bool) -> None:
        """Show how the field stands now; what is being typed, or was refused, stays as it is."""
        before, self.field = self.field, field
        self._rendered, self._is_changed = rendered, is_changed
        if not is_pending and not self._wrong and (field.given, field.value) != (before.given, before.value):
            self._put()
        self._tell()

    def _put(self) -> None:
        editor, text = self.editor, text_of(self.field, self.field.value if self.field.given else None)
        if self._held() == (self.field.given, self.field.value):
            return
        self._told = (self.field.given, self.field.value)
        if isinstance(editor, Select):
            place_in(self.field, editor)
        elif isinstance(editor, TextArea):
            editor.load_text(text)
        else:
            editor.value = text

    def _held(self) -> tuple[bool, Any]:
        try:
            return read_editor(self.field, self.editor)
        except ValueError:
            return False, None

    def _hide_secret(self) -> None:
        if isinstance(self.editor, Input):
            self.editor.password = self.field.secret and not self.editor.value.startswith(("$", "{"))

    # What is typed

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._hide_secret()
        self._changed()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._changed()

    async def on_select_changed(self, event: Select.Changed) -> None:
        event.stop()
        if event.value == ANY_TEXT:
            await self._let_type()
        else:
            self._changed()

    async def _let_type(self) -> None:
        line = Input("{{ data. }}", compact=True, select_on_focus=False)
        line.cursor_blink = False
        await self.editor.remove()
        self.editor = line
        await self.query_one(".field-body").mount(line, before=0)
        line.focus()
        line.cursor_position = len("{{ data.")

    def _changed(self) -> None:
        try:
            held = read_editor(self.field, self.editor)
        except ValueError as error:
            self._wrong = f"no JSON: {error}"
            self._tell()
            return
        self._wrong = ""
        if held != self._told or type(held[1]) is not type(self._told[1]):
            self._told = held
            is_given, value = held
            self.post_message(self.Edited(self.field.path, value if is_given else RESET))
        self._tell()

    # What is said

    @property
    def wrong(self) -> str:
        """Why what it holds cannot be, empty if it can."""
        return self._wrong or _all_errors(self.field)

    def on_descendant_focus(self) -> None:
        self._tell()

    def on_descendant_blur(self) -> None:
        self._tell()

    def _tell(self) -> None:
        self._label.say(f"{'~' if self._is_changed else ' '}{_label(self.field)}")
        self._note.say(self._said())
        self._note.set_class(bool(self.wrong), "field-wrong")

    def _said(self) -> str:
        if self.wrong:
            return f"✖ {self.wrong}"
        if self._rendered:
            return self._rendered[:_RENDERED_CHARS]
        # Its screen may have been left meanwhile.
        focused = self.screen.focused if self.is_attached else None
        return self._help() if focused is not None and self in focused.ancestors_with_self else ""

    def set_label_width(self, width: int) -> None:
        """Have the label take that many cells, where it stands beside the field."""
        if width != self._label_width and not self._is_tall:
            self._label_width = width
            self._label.styles.width = width

    def _help(self) -> str:
        field = self.field
        kind = "" if field.kind in (FieldKind.TEXT, FieldKind.CHOICE, FieldKind.BOOLEAN) else field.type
        unit = f"in {field.unit}" if field.unit else ""
        depends = f"depends on {', '.join(field.depends_on)}" if field.depends_on else ""
        facts = ", ".join(filter(None, (" ".join(filter(None, (kind, unit))), depends)))
        return f"{field.help} ({facts})" if field.help and facts else field.help or facts


class ConfigForm(VerticalScroll, can_focus=False):
    """All fields that have a use now. Says each change by `ConfigRow.Edited`."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._none = Note(classes="field-note")
        self._rest = Note(classes="field-wrong")
        self._rows: dict[KeyPath, ConfigRow] = {}

    def compose(self) -> ComposeResult:
        yield self._none
        yield self._rest

    async def show(
        self,
        form: Form,
        rendered: Mapping[KeyPath, str],
        changed: Collection[str],
        pending: Collection[KeyPath],
        *,
        read_only: bool,
    ) -> None:
        """Show the fields of a form as they stand; rows that fit stay as they are, with the cursor in them."""
        fields = {field.path: field for field in _editable(form)}
        for path, row in list(self._rows.items()):
            if path not in fields or (row.shape != shape_of(fields[path]) and path not in pending):
                focused = row.has_focus_within
                await row.remove()
                del self._rows[path]
                if path in fields and focused:
                    # Its list of choices has changed; the cursor must not run away.
                    self.call_later(self._focus, path)
        before: ConfigRow | Note = self._none
        for path, field in fields.items():
            if not before.is_attached:
                return  # its screen was left meanwhile
            if (row := self._rows.get(path)) is None:  # type: ignore[assignment]
                row = ConfigRow(field, read_only=read_only)
                self._rows[path] = row
                await self.mount(row, after=before)
            said = _rendered_in(rendered, path)
            row.show(field, said, is_changed=str(path[0]) in changed, is_pending=path in pending)
            before = row
        widest = max((width_of(_label(field)) for field in fields.values()), default=0) + 2
        for row in self._rows.values():
            row.set_label_width(min(_WIDEST_LABEL, widest))
        self._none.say("" if fields else "This node has no settings.")
        places = fields.keys()
        rest = [each.message for each in form.errors if each.path not in places]
        self._rest.say("\n".join(f"✖ {each}" for each in rest))

    def _focus(self, path: KeyPath) -> None:
        if (row := self._rows.get(path)) is not None:
            row.editor.focus()

    @property
    def is_empty(self) -> bool:
        """Whether there is no field to edit."""
        return not self._rows

    def first_wrong(self) -> ConfigRow | None:
        """Return the first field that holds what cannot be."""
        return next((row for row in self.query(ConfigRow) if row.wrong), None)

    def focus_first(self) -> bool:
        """Give the first field the keys; return whether there is one."""
        row = next(iter(self.query(ConfigRow)), None)
        if row is not None:
            row.editor.focus()
        return row is not None


def shape_of(field: FormField) -> object:
    """Return what makes two fields need different editors."""
    choices = tuple(map(str, choices_of(field))) if is_chosen(field) else None
    return field.path, field.kind, choices, field.multi_line, str(field.default)


def _editable(form: Form) -> Iterator[FormField]:
    waiting = list(reversed(form.fields))
    while waiting:
        field = waiting.pop()
        if not field.visible:
            continue
        if field.kind is FieldKind.OBJECT and field.fields and not isinstance(field.value, str):
            waiting.extend(reversed(field.fields))
        else:
            yield field


def _all_errors(field: FormField) -> str:
    inner = [each for each in field.walk() if each.error]
    depth = len(field.path)
    return "; ".join(
        f"{'.'.join(map(str, each.path[depth:]))}: {each.error}" if each.path[depth:] else each.error for each in inner
    )


def _label(field: FormField) -> str:
    """Return the key of a field, indented below those that it is part of."""
    star = "*" if field.required else ""
    return f"{'  ' * (len(field.path) - 1)}{safe(field.name)}{star}"


def _rendered_in(rendered: Mapping[KeyPath, str], path: KeyPath) -> str:
    """Return what the templates of a field become; those within a list or a mapping are named."""
    depth = len(path)
    found = {each[depth:]: said for each, said in rendered.items() if each[:depth] == path}
    return "\n".join(f"{'.'.join(map(str, inner))} = {said}" if inner else f"= {said}" for inner, said in found.items())
