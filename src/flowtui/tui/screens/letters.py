"""The dead letters of all loops, and what can be done with them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType
from textual.worker import Worker

from flowtui.model.access import OF_PRODUCTION
from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import describe_letters, letters_detail
from flowtui.tui.files import file_refusal
from flowtui.tui.json_text import as_text
from flowtui.tui.letter_export import export, export_name
from flowtui.tui.letter_list import Choice
from flowtui.tui.letter_words import group_text, letter_detail, letter_text
from flowtui.tui.screens.ask import AskScreen, ChooseScreen
from flowtui.tui.screens.letter_editor import LetterEditor
from flowtui.tui.screens.letter_questions import ask_remove, how_many, replay_options
from flowtui.tui.screens.letters_view import LettersView
from flowtui.tui.widgets.pane import Pane

#: What is done with letters; if it is for a single one, that comes with it.
_Act = Callable[[list[Choice], DeadLetter | None], None]
_NO_GROUP = "Choose a group of dead letters first."
_NO_LETTER = "Choose a letter first: tab goes to them."


class LettersScreen(LettersView):
    """The dead letters.

    Where the groups have the keys an act is for groups, elsewhere for letters: the marked ones, else the chosen one.
    """

    scope = Scope.LETTERS
    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.LETTERS)

    def __init__(self, commands: Commands) -> None:
        super().__init__(commands)
        self._export: Worker[None] | None = None
        self._exported = ""

    @property
    def doing(self) -> str:
        return " · ".join(filter(None, (self._exported, super().doing)))

    # For whom an act is

    def _for_chosen(self, act: _Act) -> None:
        """Do something with the marked rows, else the chosen one; with one letter as it is now."""
        if self.current is self.groups:
            groups = self.groups.acted_on
            if groups:
                act([Choice(group) for group in groups], None)
            else:
                self._commands.say(_NO_GROUP, severity="warning")
            return
        group, marked = self.letters.group, self.letters.marked
        if group is not None and marked and self.current is self.letters:
            act([Choice(group, frozenset(row.number for row in marked))], None)
        elif group is not None:
            self._for_letter(lambda letter: act([Choice(group, frozenset({letter.number}))], letter))
        else:
            self._commands.say(_NO_LETTER, severity="warning")

    def _for_letter(self, act: Callable[[DeadLetter], None]) -> None:
        group, row = self.letters.group, self.letters.chosen
        if group is not None and row is not None:
            self._commands.letter_of(group, row.number, self.while_here(act))
        else:
            self._commands.say(_NO_LETTER, severity="warning")

    def _hidden(self) -> int:
        """Return how many of the marked rows a person does not see at the moment."""
        if self.current is self.groups:
            return sum(not self.groups.lets_through(group) for group in self.groups.marked)
        return sum(not self.letters.lets_through(row) for row in self.letters.marked)

    def _may_not(self, group: DeadLetterGroup) -> bool:
        """Say why the letters of a group must stay as they are; return False if they need not."""
        if group.of_production:
            self._commands.say(f"The letters of {group.loop} stay as they are: {OF_PRODUCTION}.", severity="warning")
            return True
        return not self._may_change()

    # Replaying and removing

    def action_replay(self) -> None:
        self._for_chosen(self._replay)

    def _replay(self, chosen: list[Choice], letter: DeadLetter | None) -> None:
        def then(place: int | None) -> None:
            if place is not None:
                self._commands.replay(*chosen, from_start=bool(place))

        if not any(self._may_not(each.group) for each in chosen):
            title = f"Replay {how_many(chosen, letter, self._hidden())}"
            self.app.push_screen(ChooseScreen(title, replay_options(chosen, letter)), then)

    def action_remove(self) -> None:
        self._for_chosen(self._remove)

    def _remove(self, chosen: list[Choice], letter: DeadLetter | None) -> None:
        if not any(self._may_not(each.group) for each in chosen):
            question = ask_remove(chosen, letter, self._hidden())
            self.if_yes(question, lambda: self._commands.purge(*chosen, then=self.letters.renew))

    # Editing and trying out

    def action_edit_payload(self) -> None:
        self._for_letter(self._edit_payload)

    def _edit_payload(self, letter: DeadLetter) -> None:
        group = self.letters.group
        if group is None or self._may_not(group):
            return
        if letter.replaying:
            self._commands.say(f"Letter {letter.number} is being replayed: wait until that has ended.", "warning")
            return

        def then(edited: DeadLetter | None) -> None:
            self.letters.renew()
            if edited is not None:
                self._commands.say(f"Letter {edited.number} has another payload; R replays it.")

        self.app.push_screen(LetterEditor(self._commands.client, letter), then)

    def action_inspect(self) -> None:
        group = self.chosen_group
        if self.current is not self.groups:
            self._for_letter(self._inspect)
        elif group is not None:
            self._commands.newest_letter(group, self.while_here(self._inspect))
        else:
            self._commands.say(_NO_GROUP, severity="warning")

    def _inspect(self, letter: DeadLetter) -> None:
        self.inspect(letter.loop, letter.node, letter=letter)

    # Taking away

    def action_copy(self) -> None:
        group = self.chosen_group
        if self.current is not self.groups:
            self._for_letter(self._copy_letter)
        elif group is not None:
            self._copy("error of the group", group_text(group))
        else:
            self._commands.say(_NO_GROUP, severity="warning")

    def _copy_letter(self, letter: DeadLetter) -> None:
        if self.current is self.view:
            self._copy(f"whole letter {letter.number}", letter_text(letter))
        else:
            self._copy(f"payload of letter {letter.number}", as_text(letter.payload))

    def _copy(self, what: str, text: str) -> None:
        self.app.copy_to_clipboard(text)
        self._commands.say(f"The {what} is copied.", timeout=2)

    def action_export(self) -> None:
        if self._export is not None:
            self._commands.say("An export goes on; esc ends it.", severity="warning")
        else:
            self._for_chosen(self._ask_file)

    async def _pages(self, chosen: list[Choice]) -> AsyncIterator[Sequence[DeadLetter]]:
        for each in chosen:
            numbers = each.numbers
            before = None if numbers is None else max(numbers) + 1
            while page := await self._read_page(each.group, before):
                yield [letter for letter in page if numbers is None or letter.number in numbers]
                before = page[-1].number
                if numbers is not None and before <= min(numbers):
                    break

    def _ask_file(self, chosen: list[Choice], letter: DeadLetter | None) -> None:
        count = sum(each.count for each in chosen)

        def then(text: str | None) -> None:
            if text:
                path = Path(text).expanduser().absolute()
                self._export = self.run_worker(self._write(path, self._pages(chosen), count))

        what = how_many(chosen, letter, self._hidden())
        about = f"Into this file goes {what}, a line of JSON each, newest first."
        self.app.push_screen(AskScreen("Export dead letters", about, export_name(chosen), file_refusal), then)

    async def _write(self, path: Path, pages: AsyncIterator[Sequence[DeadLetter]], count: int) -> None:
        def told(written: int) -> None:
            self._exported = f"exporting {written:,} of {max(count, written):,}, esc ends it …"

        say = self._commands.say
        told(0)
        try:
            written = await export(path, pages, told)
        except FlowtuiError as error:
            say(str(error), severity="error")
        else:
            letters = "1 letter is" if written == 1 else f"{written:,} letters are"
            say(f"{letters} written to {path}.")
        finally:
            self._export, self._exported = None, ""

    # Going on

    def leave(self) -> None:
        if self._export is not None:
            self._export.cancel()
            self._commands.say("The export is cancelled, and its file removed.", severity="warning")
        else:
            super().leave()

    def action_show_loop(self) -> None:
        group = self.chosen_group
        if group is not None and self.chosen_loop is None:
            self._commands.say(f"There is no loop {group.loop} here any more.", severity="warning")
        else:
            super().action_show_loop()

    def open_pane(self, pane: Pane) -> None:
        if pane is not self.groups:
            self._for_letter(lambda letter: self.read(letter_detail(letter), None))
        elif (group := self.chosen_group) and self.snapshot is not None:
            self.read(letters_detail(group, self.snapshot.taken_at), describe_letters(group))
