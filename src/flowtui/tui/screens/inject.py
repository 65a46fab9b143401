"""Asks for an item, and puts it into a queue."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static, TextArea

from flowtui.model.errors import FlowtuiError
from flowtui.tui.cells import safe
from flowtui.tui.widgets.json_editor import JsonEditor
from flowtui.tui.widgets.note import Note

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient


class InjectScreen(ModalScreen[str | None]):
    """An editor for a JSON object; answers with the item's id when it is in the queue, esc with None.

    What is wrong with it, or what the engine says against it, is shown, and the text stays.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+enter,ctrl+j", "put_in", "Put in", show=False, priority=True),
        Binding("escape", "leave", "Back", show=False),
    ]

    def __init__(self, client: EngineClient, queue: str, text: str) -> None:
        """`text` is what the editor begins with."""
        super().__init__()
        self._client = client
        self._queue = queue
        self._text = text
        self._is_asking = False
        self._title = Static(f" Put an item into {safe(queue)}", id="form-title", markup=False)
        self._editor = JsonEditor(id="inject-editor")
        self._wrong = Note(id="inject-wrong")
        self._hint = Static(" f5 ctrl+enter puts it in · esc back", id="form-hint", markup=False)

    def compose(self) -> ComposeResult:
        with Vertical(id="form-sheet"):
            yield self._title
            yield self._editor
            yield self._wrong
            yield self._hint

    def on_mount(self) -> None:
        with self._editor.prevent(TextArea.Changed):
            self._editor.load_text(self._text)
        self._check()
        self._editor.focus()
        self._editor.move_cursor(self._editor.document.end)

    @on(TextArea.Changed)
    def _typed(self, event: TextArea.Changed) -> None:
        event.stop()
        self._check()

    def _check(self) -> None:
        self._editor.check()
        self._wrong.say(f"✖ {self._editor.fault}" if self._editor.fault else "")

    def action_put_in(self) -> None:
        """Put it into the queue."""
        # What was typed just before may still be on its way to the editor.
        self._editor.call_later(self._submit)

    def _submit(self) -> None:
        self._check()
        if self._editor.fault is None and not self._is_asking:
            self._is_asking = True
            self.run_worker(self._put_in())

    async def _put_in(self) -> None:
        try:
            id = await asyncio.wrap_future(self._client.inject(self._queue, self._editor.value))
        except FlowtuiError as error:
            self._wrong.say(f"✖ {safe(str(error))}")
        else:
            self.dismiss(id)
        finally:
            self._is_asking = False

    def action_leave(self) -> None:
        self.dismiss(None)
