"""The inspector: one node with its config, its input and its output, to be tried until it does what it should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from textual.binding import BindingType

from flowtui.model.access import OF_PRODUCTION, Mode
from flowtui.model.development import Origin
from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import DeadLetter
from flowtui.tui.actions.action import Scope
from flowtui.tui.actions.registry import bindings
from flowtui.tui.editing import EditSource
from flowtui.tui.files import file_refusal, write_new
from flowtui.tui.json_text import as_text
from flowtui.tui.screens.ask import AskScreen, ChooseScreen
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.inspector_questions import (
    ask_leave,
    ask_save,
    baselines,
    case_name,
    file_name,
    name_refusal,
    replay_options,
    source_options,
)
from flowtui.tui.screens.inspector_view import InspectorView
from flowtui.tui.screens.plan import PlanScreen
from flowtui.tui.trial import Slot, Trial


class InspectorScreen(InspectorView):
    """One node, and what can be done with it. What is changed here stays here until it is saved, pinned or replayed."""

    BINDINGS: ClassVar[list[BindingType]] = bindings(Scope.INSPECTOR)

    # Running

    def action_run_node(self) -> None:
        # What was typed just before may still be on its way to its field.
        (self.focused or self).call_later(self._start)

    def _start(self) -> None:
        trial = self.desk.trial
        if trial is None or self.desk.running_s is not None:
            return
        row = self.form.first_wrong()
        if row is not None:
            self.go_to(self.config)
            row.editor.focus()
            self.say(f"{row.field.label}: {row.wrong}. Mend it, then run.", severity="warning")
        elif faults := trial.faults():
            name, why = faults[0]
            self.go_to(self.input)
            self.input.go_to(name)
            self.say(f"The input{f' from {name}' if name else ''} cannot be used: {why}", severity="warning")
        else:
            self.baseline = 0
            self.show_newest()
            self.desk.start()

    def action_run_upstream(self) -> None:
        self.run_worker(self._plan())

    async def _plan(self) -> None:
        desk = self.desk
        plan = await desk.plan()
        if plan is None:
            return
        if not plan:
            self.say(f"Nothing is missing: {desk.node} has all its input.")
            return

        def then(node: str | None) -> None:
            if node:
                self.app.push_screen(InspectorScreen(self.client, desk.loop, node))
            elif node is not None:
                self.run_worker(desk.load())

        self.app.push_screen(PlanScreen(self.client, desk.loop, desk.node, plan), then)

    # Input

    def action_choose_source(self) -> None:
        self.run_worker(self._choose_source())

    async def _choose_source(self) -> None:
        desk = self.desk
        trial = desk.trial
        if trial is None or not trial.has_input:
            self.say("A producer takes no input.", severity="warning")
            return
        letters = await desk.letters()
        slots = [*trial.slots.values()]
        sources = source_options(trial.inspection, slots, self.fresh, letters, self.run, self.now)

        def then(place: int | None) -> None:
            if place is None:
                return
            for given in sources[place].inputs:
                trial.choose(given)
            taken = sources[place].inputs[0]
            self.letter = sources[place].letter or self.letter
            desk.look()
            self.show()
            self.go_to(self.input)
            self.input.go_to(taken.upstream)

        self.app.push_screen(ChooseScreen(f"Input of {desk.node}", [each.option for each in sources]), then)

    # Output

    def action_compare(self) -> None:
        run, found = self.run, self.desk.inspection
        if run is None or found is None or run.output is None:
            self.say("There is no output to compare: f5 runs the node.", severity="warning")
            return
        known = baselines(run, self.desk.runs, found)
        if not known:
            self.say("There is nothing to compare with yet: no run before, nothing pinned, no sample of production.")
            return
        self.compare_with((self.baseline + 1) % (len(known) + 1))
        if self.current is not self.output:
            self.go_to(self.output)

    def compare_with(self, place: int) -> None:
        """Show how the output differs from one of the others, counted from 1; 0 shows the output itself."""
        self.baseline = place
        self.show_run()

    def action_show_raw(self) -> None:
        self.baseline = 0
        self.output.toggle_raw()
        self.show_run()

    def action_pin_output(self) -> None:
        run, found = self.run, self.desk.inspection
        output = run.output if run is not None else None
        if found is None or self._may_not("pin"):
            return
        if output is not None and not self.desk.is_pinned(output):
            self.desk.pin(output)
        elif found.pinned is not None:
            self.desk.pin(None)
        else:
            self.say("There is no output to pin: f5 runs the node.", severity="warning")

    def action_save_case(self) -> None:
        run = self.run
        if run is None:
            self.say("There is no run to save: f5 runs the node.", severity="warning")
        elif not self._may_not("save a test case"):
            about = "What holds here? The name stands in the file of cases, and `flowtui test` shows it."
            question = AskScreen("Save as a test case", about, case_name(run), name_refusal)
            self.app.push_screen(question, lambda name: self.desk.save_case(run, name) if name else None)

    def action_copy_data(self) -> None:
        what, text = self._data()
        if text is None:
            self.say("There is nothing to copy here.", severity="warning")
            return
        self.app.copy_to_clipboard(text)
        self.say(f"The {what} is copied.", timeout=2)

    def action_save_data(self) -> None:
        what, text = self._data()
        if text is None:
            self.say("There is nothing to save here.", severity="warning")
            return
        data = f"{text}\n"

        def then(name: str | None) -> None:
            if name:
                self._write(name, data)

        about = f"The {what} of {self.desk.node} is written as JSON text to this file."
        name = file_name(self.desk.node, what)
        self.app.push_screen(AskScreen("Save to a file", about, name, file_refusal), then)

    def _write(self, name: str, data: str) -> None:
        try:
            path = write_new(name, (data,))
        except FlowtuiError as error:
            self.say(str(error), severity="error")
        else:
            self.say(f"Written to {path}.")

    def _data(self) -> tuple[str, str | None]:
        """Return what is meant by copying and saving, and its text: what the chosen part shows."""
        if self.current is self.input:
            return "input", self.input.editor.text.strip() or None
        run = self.run
        if self.current is self.report or (run is not None and run.output is None):
            lines = [entry.text for entry in self.report_entries()]
            return "report", "\n".join(lines)
        return "output", as_text(run.output.payload) if run is not None and run.output is not None else None

    # Config and code

    def action_save_config(self) -> None:
        (self.focused or self).call_later(self._save_config)

    def _save_config(self) -> None:
        trial = self.desk.trial
        if trial is None or self._may_not("save"):
            return
        changed = trial.changed_keys()
        if row := self.form.first_wrong():
            row.editor.focus()
            self.say(f"{row.field.label}: {row.wrong}. Mend it, then save.", severity="warning")
        elif not changed:
            self.say("The config is as in the file: there is nothing to save.")
        elif self.snapshot is not None and self.snapshot.access.mode is Mode.PRODUCTION:
            self._if_yes(ask_save(trial.inspection, changed), self.desk.save)
        else:
            self.desk.save()

    def action_undo_save(self) -> None:
        if not self._may_not("undo"):
            self.desk.undo()

    def action_edit_code(self) -> None:
        self.run_worker(self._edit_code())

    async def _edit_code(self) -> None:
        place = await self.desk.source()
        if place is not None:
            self.post_message(EditSource(place, self._reload))

    def _reload(self) -> None:
        self.run_worker(self.desk.load())

    # Dead letters

    def action_replay_letter(self) -> None:
        letter, trial = self.letter, self.desk.trial
        if letter is None or trial is None:
            self.say("There is no dead letter here: f3 chooses one as the input.", severity="warning")
            return
        if letter.of_production:
            self.say(f"The letter stays as it is: {OF_PRODUCTION}.", severity="warning")
            return
        if self._may_not("replay"):
            return
        self.run_worker(self._replay_letter(letter, trial))

    async def _replay_letter(self, letter: DeadLetter, trial: Trial) -> None:
        is_there = await self.desk.is_there(letter)
        if is_there is None:
            return
        edited = self._edited_letter(trial.slots.get(""), letter)
        like = self.letters_like(letter)
        ways = replay_options(letter, like, is_there=is_there, is_edited=edited is not None)
        if not ways:
            self.say(f"Letter {letter.number} is gone, and there is none like it: nothing is left to replay.")
            return

        def then(place: int | None) -> None:
            if place is not None:
                way = ways[place]
                self.desk.replay(letter, edited if way.edited else None, all_like=way.all_like)

        title = f"Replay with the config {'of the file' if not trial.is_changed else 'of the file, not the one tried'}"
        self.app.push_screen(ChooseScreen(title, [each.option for each in ways]), then)

    def _edited_letter(self, slot: Slot | None, letter: DeadLetter) -> dict[str, Any] | None:
        """Return what a letter's payload was changed to, None if it was not."""
        base = slot.base if slot is not None else None
        if slot is None or base is None or base.origin is not Origin.LETTER or base.letter != letter.number:
            return None
        return slot.payload if slot.is_typed and not slot.fault else None

    # Leaving and looking

    def action_next_part(self) -> None:
        parts = (*self.uppers, *self.lowers)
        self.go_to(parts[(parts.index(self.current) + 1) % len(parts)])

    def action_maximise(self) -> None:
        self.maximised = not self.maximised
        self.go_to(self.current)

    def action_leave(self) -> None:
        if self.desk.running_s is not None:
            self.desk.cancel()
        elif self.baseline:
            self.compare_with(0)
        elif self.maximised:
            self.action_maximise()
        elif lost := self._lost():
            self._if_yes(ask_leave(self.desk.node, lost), self.leave)
        else:
            self.leave()

    def _lost(self) -> str:
        """Say what would be lost by leaving, nothing if nothing would."""
        trial = self.desk.trial
        if trial is None:
            return ""
        if trial.is_changed or trial.pending:
            return f"{', '.join(trial.changed_keys()) or 'The config'} of {self.desk.node} is changed, not saved,"
        ran = [each.data for run in self.desk.runs for each in run.inputs]
        typed = [slot for slot in trial.slots.values() if slot.fault or slot.is_typed]
        new = [slot for slot in typed if slot.fault or (slot.given is not None and slot.given.data not in ran)]
        return "The input was typed here, has not run yet," if new else ""

    def _may_not(self, verb: str) -> bool:
        """Say why nothing may be changed; return False if it may."""
        found = self.desk.inspection
        if found is not None and found.may_edit:
            self.say(f"You cannot {verb} here: {found.may_edit}", severity="warning")
            return True
        return False

    def _if_yes(self, question: ConfirmScreen, then: Callable[[], object]) -> None:
        def answered(yes: bool | None) -> None:
            if yes:
                then()

        self.app.push_screen(question, answered)
