"""Runs what is upstream of a node: shows the plan, then each step."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen
from textual.worker import Worker

from flowtui.model.development import DevRequest, DevRun, PlannedRun
from flowtui.model.errors import FlowtuiError, MissingInputs
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Entry
from flowtui.tui.run_words import result_words
from flowtui.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

_LOOK_S = 0.1


class PlanScreen(ModalScreen[str | None]):
    """The plan of what to run before a node; answers with the node to inspect, empty if some ran, None if left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "go", "Run", show=False),
        Binding("i", "inspect", "Inspect", show=False),
        Binding("escape,n,q", "leave", "Back", show=False),
    ]

    def __init__(self, client: EngineClient, loop: str, node: str, plan: Sequence[PlannedRun]) -> None:
        super().__init__()
        self._client = client
        self._loop = loop
        self._plan = plan
        self._title = f"Upstream of {node}"
        self._view = TextView(self._title, id="box")
        self._steps: list[DevRun | str] = []  # of those that were tried; a text says why one was left out
        self._problem = ""
        self._worker: Worker[None] | None = None
        self._since = 0.0

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.focus()
        self._show()
        self.set_interval(_LOOK_S, self._show)

    @property
    def _is_running(self) -> bool:
        return self._worker is not None and not self._worker.is_finished

    @property
    def _failed(self) -> str:
        """The node that failed, empty if none did."""
        for step, planned in zip(self._steps, self._plan, strict=False):
            if isinstance(step, DevRun) and not step.ok:
                return planned.node
        return ""

    @property
    def _is_done(self) -> bool:
        return len(self._steps) == len(self._plan) and not self._failed

    # What it says

    def _show(self) -> None:
        entries = [self._step(place, planned) for place, planned in enumerate(self._plan)]
        entries += [Entry("", self._problem, Tone.BAD)] if self._problem else []
        self._view.hint = self._hint()
        self._view.show(self._title, [Entry("", self._headline()), Entry(""), *entries])

    def _headline(self) -> str:
        if self._is_done:
            left_out = any(isinstance(step, str) for step in self._steps)
            return "Done, but for what got no input." if left_out else "All of it ran well: the input is there."
        if self._failed or self._problem:
            return "It stopped here; what comes behind did not run."
        if self._worker is not None:
            return "They run one after another, with the config of the file."
        return "These nodes run first, in this order, with the config of the file. What they do outside really happens."

    def _step(self, place: int, planned: PlannedRun) -> Entry:
        name = f"{place + 1}  {planned.node}"
        if place < len(self._steps):
            step = self._steps[place]
            if isinstance(step, str):
                return Entry(name, f"– {step}", Tone.MUTED)
            sign, tone = ("✔", Tone.GOOD) if step.ok else ("✖", Tone.BAD)
            took = f", {fmt.milliseconds(step.ms)}" if step.ms is not None else ""
            return Entry(name, f"{sign} {result_words(step)}{took}", tone)
        if place == len(self._steps) and self._is_running:
            return Entry(name, f"▶ running {time.monotonic() - self._since:.1f} s", Tone.ACCENT)
        return Entry(name, f"○ {planned.type}: {planned.why}", Tone.MUTED)

    def _hint(self) -> str:
        if self._is_running:
            return "esc cancels"
        if self._failed:
            return "i inspects the node that failed · esc back"
        if self._is_done:
            return "enter back"
        return "esc back" if self._problem else "y enter run them · esc back"

    # What it does

    def action_go(self) -> None:
        """Run the plan; once it has run, go back."""
        if self._is_done:
            self.dismiss("")
        elif self._worker is None:
            self._worker = self.run_worker(self._run_all())

    def on_pane_opened(self) -> None:
        # Enter goes to the focused text first, which says that it was opened.
        self.action_go()

    async def _run_all(self) -> None:
        for planned in self._plan:
            self._since = time.monotonic()
            try:
                run = await asyncio.wrap_future(self._client.run_node(DevRequest(self._loop, planned.node)))
            except MissingInputs as error:
                # Its branch was not taken, or there is nothing now; those behind may do without.
                self._steps.append(str(error))
                continue
            except FlowtuiError as error:
                self._problem = str(error)
                break
            self._steps.append(run)
            if not run.ok:
                break
        self._show()

    def action_inspect(self) -> None:
        """Go to the node that failed."""
        if self._failed and not self._is_running:
            self.dismiss(self._failed)

    def action_leave(self) -> None:
        """Cancel what runs; else go back."""
        if self._is_running and self._worker is not None:
            self._worker.cancel()
            self._problem = "cancelled"
        else:
            self.dismiss("" if self._steps else None)
