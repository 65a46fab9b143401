"""What a person may do with loops, on every screen on which one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from textual.screen import Screen

from flowtui.model.forms import Form
from flowtui.model.snapshot import EngineSnapshot, LoopView
from flowtui.model.states import ACTIVE_STATES, Command, LoopState
from flowtui.tui.commands import Commands
from flowtui.tui.screens.confirm import (
    ASKED_FIRST,
    ConfirmScreen,
    ask_drain_all,
    ask_kill,
    ask_marked,
    ask_stop_all,
    ask_workflow,
)
from flowtui.tui.screens.run import RunScreen

T = TypeVar("T")
_PAUSABLE = (LoopState.RUNNING, LoopState.STARTING)
_ON_HOLD = (LoopState.PAUSED, LoopState.PAUSING, LoopState.DRAINING)


class LoopActions(Screen[None]):
    """The handlers of all actions on the chosen loop, on its workflow, and on all loops.

    Attributes:
        snapshot: what was shown last; None before the first one.
    """

    def __init__(self, commands: Commands) -> None:
        super().__init__()
        self._commands = commands
        self.snapshot: EngineSnapshot | None = None

    @property
    def chosen_loop(self) -> LoopView | None:
        """The loop that commands are for; a subclass says which."""
        raise NotImplementedError

    @property
    def marked_loops(self) -> Sequence[LoopView]:
        """The loops that commands are for instead, if there are any."""
        return ()

    def hidden(self, loops: Sequence[LoopView]) -> int:
        """Return how many of these a person does not see at the moment."""
        return 0

    def action_start(self) -> None:
        self._to_chosen(Command.START)

    def action_stop(self) -> None:
        self._to_chosen(Command.STOP)

    def action_pause(self) -> None:
        loop = self.chosen_loop
        if self.marked_loops:
            self._to_chosen(_pause_or_resume(self.marked_loops))
        else:
            paused = loop is not None and loop.state in _ON_HOLD
            self._to_chosen(Command.RESUME if paused else Command.PAUSE)

    def action_drain(self) -> None:
        self._to_chosen(Command.DRAIN)

    def action_restart(self) -> None:
        self._to_chosen(Command.RESTART)

    def action_kill(self) -> None:
        if self.marked_loops:
            self._to_chosen(Command.KILL)
        elif (loop := self.the_loop()) is None:
            return
        elif loop.state in ACTIVE_STATES:
            # Meanwhile the cursor may come to stand on another one.
            self.if_yes(ask_kill(loop), lambda: self._commands.one(Command.KILL, loop.id))
        elif self._may_change():
            self._commands.say(f"{loop.id} is {loop.state}: there is nothing to kill.", severity="warning")

    def action_trigger(self) -> None:
        loop = self.the_loop()
        if loop is None:
            return
        if not loop.is_triggered:
            self._commands.say(f"{loop.id} makes its items itself: only a trigger's loop runs by hand.", "warning")
            return
        if not self._may_change():
            return

        def show(form: Form | None) -> None:
            self.app.push_screen(RunScreen(self._commands.client, loop.id, form))

        self._commands.trigger_form(loop.id, self.while_here(show))

    def action_more_replicas(self) -> None:
        self._scale(1)

    def action_fewer_replicas(self) -> None:
        self._scale(-1)

    def _to_chosen(self, command: Command) -> None:
        marked = self.marked_loops
        if not marked:
            if loop := self.the_loop():
                self._commands.one(command, loop.id)
            return
        ids = [loop.id for loop in marked]
        if command in ASKED_FIRST:
            self.if_yes(ask_marked(command, marked, self.hidden(marked)), lambda: self._commands.each(command, ids))
        else:
            self._commands.each(command, ids)

    def _scale(self, change: int) -> None:
        if loop := self.the_loop():
            self._commands.scale(loop.id, change)

    def the_loop(self) -> LoopView | None:
        """Return the chosen loop; say so if there is none."""
        loop = self.chosen_loop
        if loop is None:
            is_early = self.snapshot is None or self.snapshot.loading
            reason = "The files are still being read." if is_early else "There is no loop to choose."
            self._commands.say(reason, severity="warning")
        return loop

    def while_here(self, told: Callable[[T], None]) -> Callable[[T], None]:
        """Return what takes an answer as long as a person waits for it: who went on must not be interrupted by it."""

        def take(answer: T) -> None:
            if self.is_active:
                told(answer)

        return take

    def if_yes(self, question: ConfirmScreen, then: Callable[[], None]) -> None:
        """Do something that changes what runs, if a person says yes to a question; say so if nobody may."""
        if self._may_change():
            self.app.push_screen(question, lambda yes: then() if yes else None)

    def _may_change(self) -> bool:
        """Return whether anything may be changed; say why if not, before a question or a form is answered in vain."""
        why = self.snapshot.access.why_not_edit if self.snapshot is not None else ""
        if why:
            self._commands.say(why, severity="warning")
        return not why

    def action_call_off(self) -> None:
        self._commands.call_off()

    def action_start_all(self) -> None:
        self._commands.all(Command.START)

    def action_pause_all(self) -> None:
        self._commands.all(_pause_or_resume(self._loops()))

    def action_stop_all(self) -> None:
        self.if_yes(ask_stop_all(len(self._loops())), lambda: self._commands.all(Command.STOP))

    def action_drain_all(self) -> None:
        self.if_yes(ask_drain_all(len(self._loops())), lambda: self._commands.all(Command.DRAIN))

    def action_start_workflow(self) -> None:
        if loop := self.the_loop():
            self._commands.all(Command.START, loop.workflow)

    def action_pause_workflow(self) -> None:
        if loop := self.the_loop():
            self._commands.all(_pause_or_resume(self._loops(loop.workflow)), loop.workflow)

    def action_stop_workflow(self) -> None:
        self._ask_workflow(Command.STOP)

    def action_drain_workflow(self) -> None:
        self._ask_workflow(Command.DRAIN)

    def action_restart_workflow(self) -> None:
        self._ask_workflow(Command.RESTART)

    def _ask_workflow(self, command: Command) -> None:
        if loop := self.the_loop():
            question = ask_workflow(command, loop.workflow, len(self._loops(loop.workflow)))
            self.if_yes(question, lambda: self._commands.all(command, loop.workflow))

    def _loops(self, workflow: str = "") -> list[LoopView]:
        loops = self.snapshot.loops if self.snapshot else ()
        return [loop for loop in loops if workflow in ("", loop.workflow)]


def _pause_or_resume(loops: Iterable[LoopView]) -> Command:
    return Command.PAUSE if any(loop.state in _PAUSABLE for loop in loops) else Command.RESUME
