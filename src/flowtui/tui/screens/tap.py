"""Taps a node: items flow by as they pass through it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.screen import Screen

from flowtui.model.development import NodeInput, Sample, TapBatch
from flowtui.model.errors import FlowtuiError
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import LoopState, NodeKind
from flowtui.tui import format as fmt
from flowtui.tui.cells import Line, Tone, safe
from flowtui.tui.details import find_loop
from flowtui.tui.sample_words import (
    given_line,
    glyph,
    input_entries,
    made_line,
    output_entries,
    sample_detail,
    sample_text,
    sampled_input,
)
from flowtui.tui.screens.reader import ReaderScreen
from flowtui.tui.widgets.bars import HeaderBar
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.text_view import TextView
from flowtui.tui.wording import loop_state

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: How often to show what came, in seconds: more often nobody can read.
_POLL_S = 0.4
#: Items that are kept to scroll back to, and that may wait while the view is held.
_KEPT = 500
#: How long to wait for the samples that the store has, in seconds.
_PATIENCE_S = 1.0
#: From this width on the items' ids are shown.
_ID_WIDTH = 100
#: From this size on the item is shown below, its input beside its output.
_BOTH_WIDTH, _BOTH_HEIGHT = 100, 28


class _Passed(NamedTuple):
    number: int
    sample: Sample
    given: str
    made: Cell


class TapPane(LiveTable[_Passed]):
    """Items in the order in which they came. It follows the newest until it is held, as by a move upwards."""

    def __init__(self, name: str, loop: str, *, has_input: bool, hint: str, id: str | None = None) -> None:
        """`hint` names the keys that people may use beside those for holding."""
        super().__init__(name, id=id)
        self.is_held = False
        self._loop = loop
        self._has_input = has_input
        self._hint = hint
        self._said = ""
        self._taken = self._passed = 0
        self._number = 0
        self._shown: deque[_Passed] = deque(maxlen=_KEPT)
        self._held: deque[_Passed] = deque(maxlen=_KEPT)

    def take(self, samples: Sequence[Sample]) -> None:
        """Show these too, oldest first, or keep them until the view is let go."""
        target = self._held if self.is_held else self._shown
        for sample in samples:
            self._number += 1
            target.append(_Passed(self._number, sample, given_line(sample), made_line(sample)))
        if samples and not self.is_held:
            self._follow()

    def tell(self, taken: int, passed: int, state: str) -> None:
        """Show how many of the items that have passed were seen, and what keeps the loop from running, if anything."""
        self._taken, self._passed, self._said = taken, passed, state
        self.repaint()

    def hold(self) -> None:
        """Let the view stay as it is, whatever comes."""
        if not self.is_held:
            self.is_held = True
            self.repaint()

    def let_go(self) -> None:
        """Show what has come meanwhile, and what comes."""
        self.is_held = False
        self._shown.extend(self._held)
        self._held.clear()
        self._follow()

    def _follow(self) -> None:
        self.show(list(self._shown))
        super().move_to(len(self._shown) - 1)

    def move_to(self, index: int) -> None:
        # Whoever chooses an older one wants to look at it.
        if index < len(self._shown) - 1:
            self.hold()
        super().move_to(index)

    def scroll_rows(self, rows: int) -> None:
        if self.is_held or rows < 0:
            super().scroll_rows(rows)

    def on_resize(self) -> None:
        super().on_resize()
        if not self.is_held:
            self._follow()

    # What a `LiveTable` asks

    def key(self, item: _Passed) -> object:
        return item.number

    def measure(self, item: _Passed) -> str:
        return item.sample.item

    def is_lit(self, index: int) -> bool:
        return self.is_held and super().is_lit(index)

    def cells(self, item: _Passed) -> Sequence[Cell]:
        sample = item.sample
        cells: list[Cell] = [glyph(sample), (fmt.clock(sample.at), Tone.MUTED), (sample.item, Tone.MUTED)]
        if self._has_input:
            cells.append((item.given, Tone.TEXT))
        return (*cells, item.made)

    def draw(self, width: int, height: int) -> list[Line]:
        item = Column("ITEM", 18, measured=True, wanted=18) if width >= _ID_WIDTH else Column("", 0)
        columns = [Column("", 1), Column("TIME", 8), item]
        if self._has_input:
            columns.append(Column("INPUT", max(10, (width - 32 if item.width else width - 14) * 45 // 100), gap=2))
        made = "CHANGED BY THE NODE" if self._has_input else "OUTPUT"
        self.columns = (*columns, Column(made, 10, grows=True, gap=2))
        return super().draw(width, height)

    def title_words(self) -> str:
        held = f"held, {len(self._held):,} new" if self._held else "held"
        words = [f"of {self._loop}", held if self.is_held else "following"]
        return ", ".join([*words, self._said] if self._said else words)

    def corner_words(self) -> str:
        passed = f"{self._taken:,} of {self._passed:,} seen · " if self._passed else ""
        return f"{passed}space {'goes on' if self.is_held else 'holds'} · {self._hint}"

    def empty_words(self) -> str:
        if self._said:
            return f"Nothing passes now: {self._loop} is {self._said}."
        return "Nothing has passed yet. What passes through the node shows here, up to 20 items a second."


class TapScreen(Screen[None]):
    """What passes through one node, for as long as it is looked at."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", show=False),
        Binding("space", "hold", "Hold or go on", show=False),
        Binding("i", "inspect", "Inspect", show=False),
        Binding("c", "copy", "Copy", show=False),
    ]

    def __init__(
        self,
        client: EngineClient,
        loop: str,
        node: str,
        kind: NodeKind,
        inspect: Callable[[NodeInput | None], None] | None = None,
    ) -> None:
        """`inspect` is given the input of the item that a person wants to take closer; None for that of a producer."""
        super().__init__()
        self._client = client
        self._loop = loop
        self._node = node
        self._inspect = inspect
        self._after = 0
        self._taps = False
        self._shown: Sample | None = None
        self._header = HeaderBar(id="header")
        keys = ["enter shows it", *(["i inspects"] if inspect is not None else []), "c copies", "esc back"]
        has_input = kind is not NodeKind.PRODUCER
        self._pane = TapPane(safe(f"Tap: {node}"), safe(loop), has_input=has_input, hint=" · ".join(keys), id="tap")
        self._pane.when_moved = self._show_item
        self._input = TextView("Input", id="tap-input")
        self._output = TextView("Output", id="tap-output")
        self._item = Horizontal(self._input, self._output, id="tap-item")
        self._input.display = has_input

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._pane
        yield self._item

    def on_resize(self, event: events.Resize) -> None:
        self._item.display = event.size.width >= _BOTH_WIDTH and event.size.height >= _BOTH_HEIGHT

    def on_mount(self) -> None:
        self._pane.focus()
        self._header.show(self._client.snapshot())
        self.run_worker(self._begin())
        self.set_interval(_POLL_S, self._look)

    async def _begin(self) -> None:
        began = time.time()
        try:
            await asyncio.wrap_future(self._client.tap(self._loop, self._node))
        except FlowtuiError as error:
            self.notify(safe(str(error)), severity="error", markup=False)
            self.dismiss(None)
            return
        # So that there is something to see of a node to which seldom anything comes; of a store that is away the
        # overview tells.
        with contextlib.suppress(FlowtuiError, TimeoutError):
            asked = asyncio.wrap_future(self._client.samples(self._loop, self._node))
            before = await asyncio.wait_for(asyncio.shield(asked), _PATIENCE_S)
            self._pane.take([sample for sample in reversed(before) if sample.at < began])
        self._taps = True

    def _look(self) -> None:
        snapshot = self._client.snapshot()
        self._header.show(snapshot)
        batch = self._client.tapped(self._after) if self._taps else TapBatch()
        self._after = batch.taken
        self._pane.take(batch.samples)
        self._pane.tell(batch.taken, batch.passed, self._state(snapshot))

    def _show_item(self) -> None:
        """Show the item under the cursor below; the newest one while the view follows."""
        item = self._pane.chosen
        if item is not None and item.sample is not self._shown and self._item.display:
            self._shown = item.sample
            self._input.show("Input", input_entries(item.sample))
            self._output.show("Error" if item.sample.error else "Output", output_entries(item.sample))

    def _state(self, snapshot: EngineSnapshot) -> str:
        loop = find_loop(snapshot, self._loop)
        if loop is None:
            return "gone from its file"
        words, _ = loop_state(loop, snapshot.taken_at)
        return "" if loop.state is LoopState.RUNNING and words == "running" else words

    def on_unmount(self) -> None:
        self._client.untap()

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        if (item := self._pane.chosen) is not None:
            self._pane.hold()
            self.app.push_screen(ReaderScreen(sample_detail(item.sample)))

    def action_hold(self) -> None:
        """Hold the view, or let it go on."""
        if self._pane.is_held:
            self._pane.let_go()
        else:
            self._pane.hold()

    def action_inspect(self) -> None:
        """Take the chosen item's input to the inspector."""
        item = self._pane.chosen
        if item is None or self._inspect is None:
            return
        sample = item.sample
        if "input" in sample.cut:
            self.notify("Its input was too big to be kept: choose a smaller item.", severity="warning", markup=False)
            return
        self._pane.hold()
        self._inspect(sampled_input(sample))

    def action_copy(self) -> None:
        """Copy the chosen item's input and output to the clipboard of the terminal."""
        if (item := self._pane.chosen) is not None:
            self.app.copy_to_clipboard(sample_text(item.sample))
            self.notify("Input and output are copied.", timeout=2, markup=False)

    def action_leave(self) -> None:
        """Go back to the overview, and tap no more."""
        self.dismiss(None)
