"""`InputPane`: what the node gets: which upstream, where it comes from, the JSON itself and what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual.message import Message
from textual.widgets import TextArea

from flowtui.model.development import Inspection
from flowtui.model.states import NodeKind
from flowtui.tui.cells import safe
from flowtui.tui.json_text import as_text
from flowtui.tui.run_words import inputs_words, short_source_words, source_words, stale_words
from flowtui.tui.trial import Slot
from flowtui.tui.widgets.frame import FramedBox
from flowtui.tui.widgets.json_editor import JsonEditor
from flowtui.tui.widgets.note import Note
from flowtui.tui.widgets.slot_tabs import SlotTabs

_PRODUCER = "A producer makes its items itself: it takes no input. f5 asks it for one; nothing of that is kept."
_MAY_BE_GIVEN = "Empty: f5 takes the next item of its queue, which stays there. Or type an item here."
_TRIGGERED = "Empty: f5 makes an item of nothing. Or type what a person would give."
_OPTIONAL = "Nothing, as if its branch was not taken. Or type what it gives."
_WAYS = "f6 runs what is upstream · f3 takes a sample or a letter · or type a JSON object below"


class InputPane(FramedBox):
    """The inputs of a node, one at a time."""

    class Typed(Message):
        """What is in the editor has changed, and `slot` knows it."""

        def __init__(self, slot: Slot) -> None:
            super().__init__()
            self.slot = slot

    def __init__(self, *, id: str | None = None) -> None:
        self.choice = SlotTabs(id="input-choice")
        self._said = Note(id="input-said")
        self.editor = JsonEditor(id="input-editor")
        self._fault = Note(id="input-fault")
        super().__init__("Input", self.choice, self._said, self.editor, self._fault, id=id)
        self._slots: Mapping[str, Slot] = {}
        self._current = ""
        self._loaded: tuple[Slot, object] | None = None
        self._inspection: Inspection | None = None
        self._now = 0.0

    @property
    def slot(self) -> Slot | None:
        """The input that is shown, None of a producer."""
        return self._slots.get(self._current)

    def on_mount(self) -> None:
        self.choice.display = False

    def show(self, inspection: Inspection, slots: Mapping[str, Slot], now: float) -> None:
        """Show these inputs, the one that was shown before if it is still there."""
        self._inspection, self._slots, self._now = inspection, slots, now
        if self._current not in slots:
            self._current = next(iter(slots), "")
        self._show_choice()
        self.editor.display = bool(slots)
        self.can_focus = not slots
        self.editor.read_only = bool(inspection.may_edit)
        self._load()
        self.tell()

    def _show_choice(self) -> None:
        self.choice.display = len(self._slots) > 1
        if self.choice.display:
            tabs = [self._slot_words(slot) for slot in self._slots.values()]
            self.choice.show(tabs, [*self._slots].index(self._current))

    def _slot_words(self, slot: Slot) -> str:
        given = slot.given
        said = inputs_words([given]) if given is not None else "missing" if self._why_missing(slot) else "none"
        return safe(f"{slot.upstream}: {said}{', STALE' if given is not None and given.stale else ''}")

    def on_slot_tabs_chosen(self, event: SlotTabs.Chosen) -> None:
        event.stop()
        self.go_to([*self._slots][event.place])

    def on_resize(self) -> None:
        self.tell()

    def go_to(self, name: str) -> None:
        """Show the input of an upstream."""
        if name in self._slots and name != self._current:
            self._current = name
            self._show_choice()
            self._load()
            self.tell()

    def _load(self) -> None:
        slot = self.slot
        # What is being typed stays as it is, in its layout.
        if slot is None or self._loaded == (slot, slot.base):
            return
        self._loaded = (slot, slot.base)
        with self.editor.prevent(TextArea.Changed):
            self.editor.load_text("" if slot.payload is None else as_text(slot.payload))
        self.editor.check()

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        slot = self.slot
        if slot is None:
            return
        if not self.editor.text.strip():
            slot.payload, slot.fault, self.editor.fault = None, "", None
        else:
            self.editor.check()
            slot.fault = f"{self.editor.fault}" if self.editor.fault else ""
            if not slot.fault:
                slot.payload = self.editor.value
        self.tell()
        self.post_message(self.Typed(slot))

    # What is said

    def tell(self, now: float | None = None) -> None:
        """Say where the input comes from and what is wrong with it."""
        self._now = self._now if now is None else now
        slot, inspection = self.slot, self._inspection
        if inspection is None:
            return
        if slot is None:
            self.entitle("none")
            self._say(_PRODUCER, wrong=False)
            return
        given = slot.given
        place = f"{[*self._slots].index(self._current) + 1} of {len(self._slots)}, " if len(self._slots) > 1 else ""
        missing = self._why_missing(slot)
        source = safe(place + (source_words(given, self._now) if given else "missing" if missing else "none"))
        fits = len(source) + len("╭ Input:  ╮") <= self.size.width
        short = source if fits or given is None else safe(place + short_source_words(given, self._now))
        self.entitle(short, "f3 source")
        if given is None and inspection.kind is NodeKind.PRODUCER:
            self._say(_TRIGGERED if inspection.type == "trigger" else _MAY_BE_GIVEN, wrong=False)
        elif given is None and not missing and len(self._slots) > 1:
            self._say(_OPTIONAL, wrong=False)
        elif given is None:
            wanted = missing or f"there is no input for {inspection.node}"
            self._say(f"! {wanted}\n{_WAYS}", wrong=True)
        else:
            stale = stale_words(given)
            said = [] if fits else [source_words(replace(given, at=0.0), self._now)]
            self._say("\n".join([*said, *([f"! {stale}"] if stale else [])]), wrong=bool(stale))
        if slot.fault:
            self.entitle(f"{place}mock, not valid yet", "f3 source")
        self._fault.say(f"✖ {slot.fault}" if slot.fault else "")

    def _why_missing(self, slot: Slot) -> str:
        missing = self._inspection.missing if self._inspection is not None else ()
        return next((each.message for each in missing if each.upstream == slot.upstream), "")

    def _say(self, text: str, *, wrong: bool) -> None:
        self._said.say(text)
        self._said.set_class(wrong, "input-warns")
