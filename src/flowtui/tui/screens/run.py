"""Runs a workflow once: asks for the inputs of its trigger, then shows the run until its result."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from flowtui.model.errors import BadInput, FlowtuiError
from flowtui.model.forms import Form
from flowtui.model.runs import Run
from flowtui.tui.cells import safe
from flowtui.tui.run_detail import result_text, run_detail
from flowtui.tui.widgets.input_form import InputForm
from flowtui.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: How often a run is looked at, in seconds.
_POLL_S = 0.1


class RunScreen(ModalScreen[None]):
    """The form of a trigger, then its run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+enter,ctrl+j", "run", "Run", show=False, priority=True),
        Binding("escape", "leave", "Back", show=False),
        Binding("q,enter", "leave_run", "Back", show=False),
        Binding("a", "again", "Again", show=False),
        Binding("c", "copy", "Copy", show=False),
    ]

    def __init__(self, client: EngineClient, loop: str, form: Form | None) -> None:
        """`form` is what the trigger asks for, None if it takes any JSON object."""
        super().__init__()
        self._client = client
        self._loop = loop
        self._form = InputForm(form)
        self._title = Static(f" Run {safe(loop)} once", id="form-title", markup=False)
        self._hint = Static(" f5 ctrl+enter run · tab next field · esc back", id="form-hint", markup=False)
        self._sheet = Vertical(id="form-sheet")
        self._view = TextView(loop, id="reader")
        self._asking = False
        self._shown_id = ""
        self._waits = ""
        self._last: Run | None = None

    def compose(self) -> ComposeResult:
        with self._sheet:
            yield self._title
            yield self._form
            yield self._hint
        yield self._view

    def on_mount(self) -> None:
        self._view.display = False
        self._form.query("Input, Select, TextArea").first().focus()
        self.set_interval(_POLL_S, self._look)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.focus_next()

    def on_pane_opened(self) -> None:
        # Enter goes to the focused text first, which says that it was opened.
        self.action_leave()

    @property
    def _shows_run(self) -> bool:
        return self._view.display

    def action_run(self) -> None:
        """Have it run with what was filled in."""
        # What was typed just before may still be on its way to the field.
        (self.focused or self).call_later(self._submit)

    def _submit(self) -> None:
        if self._asking or self._shows_run:
            return
        values = self._form.values()
        if values is not None:
            self._asking = True
            self.run_worker(self._ask(values))

    async def _ask(self, values: dict[str, Any]) -> None:
        try:
            asked = await asyncio.wrap_future(self._client.trigger(self._loop, values))
        except BadInput as error:
            self._form.complain(error.faults or {"": str(error)})
            return
        except FlowtuiError as error:
            self._form.complain({"": str(error)})
            return
        finally:
            self._asking = False
        self._shown_id, self._waits, self._last = asked.run, asked.waits, None
        self._sheet.display = False
        self._view.display = True
        self._view.hint = "esc back"
        self._view.show(self._loop, ())
        self._view.focus()

    async def _look(self) -> None:
        if not self._shows_run or (self._last is not None and self._last.has_ended):
            return
        id = self._shown_id
        try:
            run = await asyncio.wrap_future(self._client.run(id))
        except FlowtuiError:  # the store is away, which the overview tells; later is time enough
            return
        if id == self._shown_id and self._shows_run:
            self._last = run
            self._show(run)

    def _show(self, run: Run) -> None:
        detail = run_detail(run, time.time(), self._waits)
        self._view.hint = "a again · c copy · esc back" if run.has_ended else "it goes on without you · esc back"
        self._view.show(detail.title, detail.entries)

    def action_leave(self) -> None:
        """Go back to the overview; a run goes on."""
        self.dismiss(None)

    def action_leave_run(self) -> None:
        if self._shows_run:
            self.action_leave()

    def action_again(self) -> None:
        """Go back to the form, with what was filled in."""
        if self._last is not None and self._last.has_ended:
            self._view.display = False
            self._sheet.display = True
            self._shown_id, self._last = "", None
            self._form.complain({})
            self._form.query("Input, Select, TextArea").first().focus()

    def action_copy(self) -> None:
        """Copy the result, or why there is none, to the clipboard of the terminal."""
        if self._last is not None and self._last.has_ended:
            failed = bool(self._last.error)
            self.app.copy_to_clipboard(self._last.error if failed else result_text(self._last))
            self.notify("The error is copied." if failed else "The result is copied.", timeout=2, markup=False)

    def on_resize(self, event: events.Resize) -> None:
        if self._last is not None:
            self._show(self._last)
