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
from flowtui.tui import format as fmt
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.commands import Commands
from flowtui.tui.details import describe_letters, letters_detail
from flowtui.tui.json_text import as_text
from flowtui.tui.letter_export import export, export_name
from flowtui.tui.letter_words import group_text, letter_detail, letter_text
from flowtui.tui.places import GoTo, Place
from flowtui.tui.screens.ask import AskScreen, ChooseScreen
from flowtui.tui.screens.inspector_questions import file_refusal
from flowtui.tui.screens.letter_editor import LetterEditor
from flowtui.tui.screens.letter_questions import ask_remove_group, ask_remove_letter, replay_options
from flowtui.tui.screens.letters_view import LettersView
from flowtui.tui.widgets.pane import Pane

_NO_GROUP = "Choose a group of dead letters first."
_NO_LETTER = "Choose a letter first: tab goes to them."


class LettersScreen(LettersView):
    """The dead letters. Where the groups have the keys an act is for the chosen group, elsewhere for one letter."""

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

    def _for_chosen(
        self, group_act: Callable[[DeadLetterGroup], None], letter_act: Callable[[DeadLetter], None]
    ) -> None:
        """Do one thing with the chosen group, or the other with the chosen letter, as it is now."""
        if self.current is not self.groups:
            self._for_letter(letter_act)
        elif group := self.chosen_group:
            group_act(group)
        else:
            self._commands.say(_NO_GROUP, severity="warning")

    def _for_letter(self, act: Callable[[DeadLetter], None]) -> None:
        group, row = self.letters.group, self.letters.chosen
        if group is not None and row is not None:
            self._commands.letter_of(group, row.number, act)
        else:
            self._commands.say(_NO_LETTER, severity="warning")

    def _may_not(self, what: DeadLetterGroup | DeadLetter) -> bool:
        """Say why a group or a letter must stay as it is; return False if it need not."""
        if what.of_production:
            which = "The group" if isinstance(what, DeadLetterGroup) else f"Letter {what.number}"
            self._commands.say(f"{which} stays as it is: {OF_PRODUCTION}.", severity="warning")
            return True
        return not self._may_change()

    # Replaying and removing

    def action_replay(self) -> None:
        self._for_chosen(self._replay_group, self._replay_letter)

    def _replay_group(self, group: DeadLetterGroup) -> None:
        def then(place: int | None) -> None:
            if place is not None:
                self._commands.replay(group, from_start=bool(place))

        if not self._may_not(group):
            title = f"Replay {fmt.plural(group.count, 'dead letter')}"
            self.app.push_screen(ChooseScreen(title, replay_options(group.node)), then)

    def _replay_letter(self, letter: DeadLetter) -> None:
        def then(place: int | None) -> None:
            if place is not None:
                self._commands.replay_letter(letter, from_start=bool(place))

        if not self._may_not(letter):
            question = ChooseScreen(f"Replay letter {letter.number}", replay_options(letter.node, letter))
            self.app.push_screen(question, then)

    def action_remove(self) -> None:
        self._for_chosen(self._remove_group, self._remove_letter)

    def _remove_group(self, group: DeadLetterGroup) -> None:
        if not self._may_not(group):
            self.if_yes(ask_remove_group(group), lambda: self._commands.purge(group))

    def _remove_letter(self, letter: DeadLetter) -> None:
        def remove() -> None:
            self._commands.purge_letter(letter, self.letters.renew)

        if not self._may_not(letter):
            self.if_yes(ask_remove_letter(letter), remove)

    # Editing and trying out

    def action_edit_payload(self) -> None:
        self._for_letter(self._edit_payload)

    def _edit_payload(self, letter: DeadLetter) -> None:
        if self._may_not(letter):
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
        self._for_chosen(lambda group: self._commands.newest_letter(group, self._inspect), self._inspect)

    def _inspect(self, letter: DeadLetter) -> None:
        self.inspect(letter.loop, letter.node, letter=letter)

    # Taking away

    def action_copy(self) -> None:
        self._for_chosen(lambda group: self._copy("error of the group", group_text(group)), self._copy_letter)

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
            self._for_chosen(self._export_group, self._export_letter)

    def _export_group(self, group: DeadLetterGroup) -> None:
        about = f"All {group.count:,} letters of the group are written to this file, a line of JSON each, newest first."
        self._ask_file(export_name(group, ()), about, self._pages(group), group.count)

    def _export_letter(self, letter: DeadLetter) -> None:
        async def one() -> AsyncIterator[Sequence[DeadLetter]]:
            yield [letter]

        if group := self.letters.group:
            about = f"Letter {letter.number} is written to this file, as one line of JSON."
            self._ask_file(export_name(group, (letter.number,)), about, one(), 1)

    async def _pages(self, group: DeadLetterGroup) -> AsyncIterator[Sequence[DeadLetter]]:
        before: int | None = None
        while page := await self._read_page(group, before):
            yield page
            before = page[-1].number

    def _ask_file(self, name: str, about: str, pages: AsyncIterator[Sequence[DeadLetter]], count: int) -> None:
        def then(text: str | None) -> None:
            if text:
                self._export = self.run_worker(self._write(Path(text).expanduser().absolute(), pages, count))

        self.app.push_screen(AskScreen("Export dead letters", about, name, file_refusal), then)

    async def _write(self, path: Path, pages: AsyncIterator[Sequence[DeadLetter]], count: int) -> None:
        def told(written: int) -> None:
            self._exported = f"exporting {written:,} of {max(count, written):,}, esc ends it …"

        say = self._commands.say
        told(0)
        try:
            written = await export(path, pages, told)
        except OSError as error:
            say(f"{path} is not written: {error.strerror or error}.", severity="error")
        except FlowtuiError as error:
            say(f"{path} is not written: {error}", severity="error")
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

    def action_show_logs(self) -> None:
        if group := self.chosen_group:
            self.post_message(GoTo(Place.LOGS, loop=group.loop, node=group.node))
        else:
            super().action_show_logs()

    def open_pane(self, pane: Pane) -> None:
        if pane is not self.groups:
            self._for_letter(lambda letter: self.read(letter_detail(letter), None))
        elif (group := self.chosen_group) and self.snapshot is not None:
            self.read(letters_detail(group, self.snapshot.taken_at), describe_letters(group))
