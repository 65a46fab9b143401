"""Asks before something that cannot be taken back, and says that the engine is being closed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from flowtui.model.snapshot import DeadLetterGroup, LoopView
from flowtui.model.states import Command
from flowtui.tui.cells import Tone
from flowtui.tui.details import Entry
from flowtui.tui.format import plural
from flowtui.tui.widgets.text_view import TextView


class ConfirmScreen(ModalScreen[bool]):
    """A question; `y` or enter answers it with True, `n` or esc with False."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y,enter", "answer(True)", "Yes", show=False),
        Binding("n,escape,q", "answer(False)", "No", show=False),
    ]

    def __init__(self, title: str, question: str, yes: str, about: Sequence[Entry] = ()) -> None:
        """`about` stands below the answers: what more is to be seen before one of them is given."""
        super().__init__()
        self._title = title
        self._view = TextView(title, id="reader" if about else "box")
        self._entries = (
            Entry("", question),
            Entry(""),
            Entry("y enter", yes, Tone.ACCENT),
            Entry("n esc", "no, go back", Tone.ACCENT),
            *about,
        )

    def compose(self) -> ComposeResult:
        yield self._view

    def on_mount(self) -> None:
        self._view.show(self._title, self._entries)

    def action_answer(self, answer: bool) -> None:
        self.dismiss(answer)

    def on_pane_opened(self) -> None:
        # Enter goes to the focused text first, which says that it was opened.
        self.dismiss(True)


_STOPS = "What is in flight gets its grace, the rest returns to its queue."
_DRAINS = "Sources end first, then each reader as soon as its queue is empty."
_RESTARTS = "A loop that rests is started too. " + _STOPS
_KILLS = (
    "What is in flight is recovered as after a crash: it returns to its queue, or becomes dead letters if its producer "
    "has neither queue nor cursor."
)
_WHAT_THEN = {Command.STOP: _STOPS, Command.DRAIN: _DRAINS, Command.RESTART: _RESTARTS, Command.KILL: _KILLS}
#: Commands for several loops that are asked about first.
ASKED_FIRST = frozenset(_WHAT_THEN)
#: So many loops are named.
_NAMED = 12


def ask_stop_all(loops: int) -> ConfirmScreen:
    """Return the question before all loops are stopped."""
    return ConfirmScreen("Stop all", f"Stop {_all(loops)}? {_STOPS}", "yes, stop all loops")


def ask_drain_all(loops: int) -> ConfirmScreen:
    """Return the question before all loops are drained."""
    return ConfirmScreen("Drain all", f"Drain {_all(loops)}? {_DRAINS}", "yes, drain all loops")


def ask_workflow(command: Command, workflow: str, loops: int) -> ConfirmScreen:
    """Return the question before all loops of a workflow are stopped, drained or restarted."""
    verb = command.value
    question = f"{verb.capitalize()} {_all(loops)} of {workflow}? {_WHAT_THEN[command]}"
    return ConfirmScreen(f"{verb.capitalize()} {workflow}", question, f"yes, {verb} {workflow}")


def ask_marked(command: Command, loops: Sequence[LoopView], hidden: int) -> ConfirmScreen:
    """Return the question before a command for marked loops, which names them; `hidden` are not seen meanwhile."""
    verb, how_many = command.value, plural(len(loops), "marked loop")
    names = ", ".join(loop.id for loop in loops[:_NAMED])
    more = f" and {len(loops) - _NAMED:,} more" if len(loops) > _NAMED else ""
    unseen = f" ({hidden:,} of them out of view)" if hidden else ""
    question = f"{verb.capitalize()} {how_many}: {names}{more}{unseen}? {_WHAT_THEN[command]} {_in_flight(loops)}"
    return ConfirmScreen(
        f"{verb.capitalize()} {how_many}", question, f"yes, {verb} {'it' if len(loops) == 1 else 'them'}"
    )


def ask_kill(loop: LoopView) -> ConfirmScreen:
    """Return the question before a loop is killed, which says what becomes of what is in flight."""
    if loop.reads is not None:
        queue = "its queue" if loop.is_triggered else loop.reads
        fate = f"What is in flight is recovered as after a crash: it returns to {queue} and is delivered again."
    else:
        fate = (
            "What is in flight is recovered as after a crash; items of a producer that has neither queue nor cursor "
            "become dead letters."
        )
    question = f"End {loop.id} at once, without any grace? {fate} {_in_flight([loop])}"
    return ConfirmScreen(f"Kill {loop.id}", question, "yes, kill it")


def ask_replay(group: DeadLetterGroup) -> ConfirmScreen:
    """Return the question before a group of dead letters is replayed."""
    letters = plural(group.count, "dead letter")
    question = (
        f"Run {letters} of {group.loop} again, from {group.node} on? What had succeeded does not run again. A letter "
        "goes only when the rest of it is done."
    )
    return ConfirmScreen(f"Replay {letters}", question, "yes, replay them")


def _in_flight(loops: Sequence[LoopView]) -> str:
    number = sum(loop.in_flight for loop in loops)
    items = f"{plural(number, 'item')} {'is' if number == 1 else 'are'}" if number else "Nothing is"
    return f"{items} in flight."


def _all(loops: int) -> str:
    return "the only loop" if loops == 1 else f"all {loops:,} loops"


class ClosingScreen(ModalScreen[None]):
    """Says that the engine is being closed, and how to leave without waiting."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "Leave at once", show=False)]

    def __init__(self) -> None:
        super().__init__()
        self._view = TextView("Leaving", id="box")

    def compose(self) -> ComposeResult:
        yield self._view

    def show(self, loops: str) -> None:
        """Say what is still being waited for."""
        entries = (
            Entry("", f"stopping {loops} …" if loops else "closing the store …", Tone.STRONG),
            Entry("", "What is in flight gets its grace, the rest returns to its queue."),
            Entry(""),
            Entry("q ctrl+c", "leave at once; the next start recovers what was in flight", Tone.ACCENT),
        )
        self._view.show("Leaving", entries)
