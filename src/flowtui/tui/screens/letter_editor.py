"""The payload of a dead letter, to be changed before it is replayed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from flowtui.model.diff import same
from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import DeadLetter
from flowtui.tui.cells import safe
from flowtui.tui.json_text import as_text
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.widgets.json_editor import JsonEditor
from flowtui.tui.widgets.note import Note

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient


class LetterEditor(ModalScreen[DeadLetter | None]):
    """An editor; answers with the letter as it was saved, None if it was not. What is refused stays to be mended."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", show=False, priority=True),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(self, client: EngineClient, letter: DeadLetter) -> None:
        super().__init__()
        self._client = client
        self._letter = letter
        self._saving = False
        self._editor = JsonEditor(id="letter-text")
        self._note = Note(id="letter-note", classes="field-wrong")

    def compose(self) -> ComposeResult:
        letter = self._letter
        title = f" Payload of letter {letter.number}, the input of {letter.node}"
        with Vertical(id="letter-sheet"):
            yield Static(safe(title), id="form-title", markup=False)
            yield self._editor
            yield self._note
            yield Static(" ctrl+s saves · ctrl+z takes back · esc back", id="form-hint", markup=False)

    def on_mount(self) -> None:
        with self._editor.prevent(TextArea.Changed):
            self._editor.load_text(as_text(self._letter.payload))
        self._editor.check()
        self._editor.focus()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._editor.check()
        self._note.say(f"✖ {self._editor.fault}" if self._editor.fault else "")

    @property
    def _is_changed(self) -> bool:
        return self._editor.fault is not None or not same(self._editor.value, self._letter.payload)

    def action_save(self) -> None:
        """Give the letter this payload."""
        # What was typed just before may still be on its way to the text.
        (self.focused or self).call_later(self._save)

    def _save(self) -> None:
        if self._saving or self._editor.fault:
            return
        if not self._is_changed and not self._letter.unreadable:
            self._note.say("The payload is as it was: there is nothing to save.")
            return
        self._saving = True
        self.run_worker(self._ask(self._editor.value))

    async def _ask(self, payload: dict[str, Any]) -> None:
        try:
            edited = await asyncio.wrap_future(self._client.edit_dead_letter(self._letter, payload))
        except FlowtuiError as error:
            self._note.say(f"✖ {error}")
        else:
            self.dismiss(edited)
        finally:
            self._saving = False

    def action_leave(self) -> None:
        """Go back; ask if something that was typed would be lost."""
        if not self._is_changed:
            self.dismiss(None)
            return
        number = self._letter.number
        question = f"What you changed in the payload of letter {number} is not saved, and will be lost. Leave?"
        self.app.push_screen(ConfirmScreen(f"Leave letter {number}", question, "yes, lose it"), self._answered)

    def _answered(self, yes: bool | None) -> None:
        if yes:
            self.dismiss(None)
