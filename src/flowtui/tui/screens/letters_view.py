"""What is seen of the dead letters: groups, the letters of one, one letter whole; kept up to date."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.containers import Horizontal

from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot, LoopView, NodeView
from flowtui.tui.commands import Commands, newest_below
from flowtui.tui.details import find_loop
from flowtui.tui.letter_list import PAGE, LetterRow
from flowtui.tui.letter_words import letter_detail
from flowtui.tui.places import GoTo
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.sizes import ROOMY_HEIGHT
from flowtui.tui.widgets.letter_panes import GroupsPane, LettersPane
from flowtui.tui.widgets.pane import Pane
from flowtui.tui.widgets.text_view import TextView

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: From this size on all panes are seen at once; below this height only one is.
_ALL_WIDTH, _ALL_HEIGHT = 112, ROOMY_HEIGHT
_TWO_HEIGHT = 18
_FRAME_AND_HEADS = 3
_LEAST_GROUPS = 6
#: For how long it is waited for the group of a letter that somebody wants to see, in seconds.
_SEEK_S = 5.0


class LetterView(TextView):
    """One letter as text."""

    def empty_words(self) -> str:
        return "Choose a letter to see what failed, where, and with what."


class LettersView(FrameScreen):
    """Three panes, of which each shows what is chosen in the one before.

    Attributes:
        letter: the one that is shown whole, None for none.
    """

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self.groups = GroupsPane("Dead letters", id="letter-groups")
        self.letters = LettersPane("Letters", self._read_page, id="letter-list")
        self.view = LetterView("Letter", id="letter-view")
        self.lower_row = Horizontal(id="letter-lower")
        self.begin_with(self.groups, self.letters, self.view)
        self.lower: Pane = self.letters  # the last one chosen below the groups
        self.letter: DeadLetter | None = None
        self._shown: LetterRow | None = None
        self._loads = False
        self._sought: DeadLetter | None = None  # somebody wants to see it, but its group is not known yet
        self._sought_until = 0.0
        self._came_from: list[Pane] = []
        self.groups.when_moved = self._show_group
        self.letters.when_moved = self.letters.when_shown = self._show_letter

    def compose_body(self) -> ComposeResult:
        yield self.groups
        with self.lower_row:
            yield self.letters
            yield self.view

    # Layout

    def lay_out(self) -> None:
        width, height = self.size
        room = height - 2 - self.alert.display
        shown: set[Pane] = {self.current}
        upper: int | str = "1fr"
        if not self.zoomed and height >= _TWO_HEIGHT:
            all_fit = width >= _ALL_WIDTH and height >= _ALL_HEIGHT
            shown = set(self.panes) if all_fit else {self.groups, self.lower}
            upper = max(_LEAST_GROUPS, min(self.groups.row_count() + _FRAME_AND_HEADS, room * 35 // 100))
        for pane in self.panes:
            pane.display = pane in shown
        self._name_hidden(shown)
        self.lower_row.display = self.letters.display or self.view.display
        self.groups.styles.height = upper

    def _name_hidden(self, shown: set[Pane]) -> None:
        """Name in titles the panes that take turns with those in view."""
        taking_turns = [pane for pane in self.panes if pane not in shown and not self.zoomed]
        for pane in self.panes:
            is_place = len(shown) == 1 or pane is not self.groups
            pane.taking_turns = tuple(each.heading.lower() for each in taking_turns) if is_place else ()

    def make_current(self, pane: Pane) -> None:
        if pane is not self.groups:
            self.lower = pane
        super().make_current(pane)

    # Content

    def fill(self, snapshot: EngineSnapshot) -> None:
        self.groups.show_snapshot(snapshot)
        self._find_sought()
        # How high the groups want to be is known only now.
        self.fit_in()
        self._show_group()

    def poll(self, client: EngineClient, snapshot: EngineSnapshot) -> None:
        super().poll(client, snapshot)
        replays = self._commands.replays
        self.groups.tell(self.doing, replays.loops)
        if (group := self.chosen_group) is not None and group.loop in replays.loops:
            self.letters.renew()

    @property
    def doing(self) -> str:
        """What goes on, for the title."""
        return self._commands.replays.words

    def filtered(self) -> None:
        if self.current is self.groups:
            self._show_group()

    def _show_group(self) -> None:
        """Show the letters of the chosen group, as far as they are seen."""
        self.letters.show_group(self.groups.chosen, self._commands.now)
        self._show_letter()

    async def _read_page(self, group: DeadLetterGroup, before: int | None) -> Sequence[DeadLetter]:
        return await asyncio.wrap_future(newest_below(self._commands.client, group, before, PAGE))

    def _show_letter(self) -> None:
        """Show the chosen letter whole, if it is seen and another one, or has changed."""
        row = self.letters.chosen
        if row is None:
            self.letter = self._shown = None
            self.view.show("Letter", ())
        elif row != self._shown and self.view.is_shown and not self._loads:
            self._loads = True
            self.run_worker(self._load_letters())

    async def _load_letters(self) -> None:
        """Read the chosen letter until that is the one that is shown."""
        try:
            while (row := self.letters.chosen) is not None and row != self._shown:
                group = self.letters.group
                if group is None:
                    return
                asked = newest_below(self._commands.client, group, row.number + 1, 1)
                found = await asyncio.wrap_future(asked)
                self._take(row, found[0] if found and found[0].number == row.number else None)
        except FlowtuiError:  # the list beside it says why
            return
        finally:
            self._loads = False

    def _take(self, row: LetterRow, letter: DeadLetter | None) -> None:
        is_other = self._shown is None or self._shown.number != row.number
        self._shown = row
        if letter is None:
            self.letters.renew()  # it is gone
            return
        self.letter = letter
        detail = letter_detail(letter)
        self.view.show(detail.title, detail.entries)
        if is_other:
            self.view.action_first()

    # What is chosen

    @property
    def chosen_group(self) -> DeadLetterGroup | None:
        """The group that acts are for, and whose letters are shown."""
        return self.groups.chosen

    @property
    def chosen_loop(self) -> LoopView | None:
        group = self.chosen_group
        return find_loop(self.snapshot, group.loop) if group is not None and self.snapshot is not None else None

    @property
    def chosen_node(self) -> tuple[LoopView, NodeView] | None:
        group, loop = self.chosen_group, self.chosen_loop
        if group is None or loop is None:
            return None
        return next(((loop, node) for node in loop.nodes if node.id == group.node), None)

    @property
    def edited_row(self) -> object:
        return self.chosen_group

    # Coming here

    def arrive(self, wish: GoTo) -> None:
        if wish.letter is not None:
            self._commands.letter(wish.letter, self._seek, of_production=wish.of_production)
        elif wish.loop:
            self._choose_group(wish)

    def _choose_group(self, wish: GoTo) -> None:
        for group in self.snapshot.dead_letters if self.snapshot is not None else ():
            is_theirs = wish.of_production if wish.group else group.of_production
            asked = (wish.loop, wish.node or group.node, wish.group or group.fingerprint, is_theirs)
            if asked == (group.loop, group.node, group.fingerprint, group.of_production):
                self.groups.set_filter("")
                self.groups.choose(group.key)
                return
        where = f"{wish.node} of {wish.loop}" if wish.node else wish.loop
        self._commands.say(f"There are no dead letters of {where}.")

    def _seek(self, letter: DeadLetter) -> None:
        self._sought, self._sought_until = letter, time.monotonic() + _SEEK_S
        self.groups.set_filter("")
        self._find_sought()

    def _find_sought(self) -> None:
        """Choose the letter that somebody wants to see, as soon as its group is there."""
        letter = self._sought
        if letter is None or self.snapshot is None or time.monotonic() > self._sought_until:
            return
        for group in self.snapshot.dead_letters:
            same_place = (group.loop, group.node) == (letter.loop, letter.node)
            same_error = (group.fingerprint, group.of_production) == (letter.fingerprint, letter.of_production)
            if same_place and same_error:
                self.groups.choose(group.key)
                self._sought = None
                self._show_group()
                self.go_to(self.letters)
                self.letters.seek(letter.number)
                return

    # Drilling in

    def on_pane_opened(self, event: Pane.Opened) -> None:
        event.stop()
        pane = event.pane
        if pane is self.view:
            self.open_pane(pane)
        elif pane in (self.groups, self.letters):
            self._came_from.append(pane)
            self.go_to(self.letters if pane is self.groups else self.view)

    def leave(self) -> None:
        while self._came_from:
            pane = self._came_from.pop()
            if pane is not self.current:
                self.go_to(pane)
                return
        super().leave()

    def action_next_pane(self) -> None:
        self._came_from.clear()
        super().action_next_pane()

    def action_previous_pane(self) -> None:
        self._came_from.clear()
        super().action_previous_pane()
