"""Carries commands to the engine; its answers and refusals become notices."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowtui.client.alerts import AlertWatch
from flowtui.model.development import SourcePlace
from flowtui.model.errors import FlowtuiError
from flowtui.model.forms import Form
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot
from flowtui.model.states import Command
from flowtui.model.workflows import KeptText, RollBack, SourceText
from flowtui.tui import format as fmt
from flowtui.tui.finding import Search
from flowtui.tui.letter_list import Choice
from flowtui.tui.progress import Progress, Step
from flowtui.tui.replay_watch import ReplayWatch, Say

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: How long a short notice stays, and how long a key must rest before its answers are worth one, in seconds.
_SHORT_S = 2.0
_REST_S = 0.25
T = TypeVar("T")


def newest_below(
    client: EngineClient, group: DeadLetterGroup, before: int | None, limit: int
) -> Future[list[DeadLetter]]:
    """Ask for the newest letters of a group with a number below `before`, None for the newest of all."""
    return client.dead_letters(
        group.loop, group.fingerprint, before=before, limit=limit, of_production=group.of_production
    )


class Commands:
    """What a person may ask for. Every method returns at once; a refusal shows the engine's sentence.

    Attributes:
        client: the engine's door, for screens of their own.
        watch: what is wrong now.
        now: the time of what is shown, in seconds since the epoch.
        search: the last search for an item, None before the first.
        replays: the replays that were asked for, until they have ended.
    """

    def __init__(
        self,
        client: EngineClient,
        run: Callable[[Coroutine[Any, Any, None]], object],
        say: Say,
        then: Callable[[], None],
        watch: AlertWatch,
    ) -> None:
        """`run` runs a coroutine in the background; `then` is called after the engine has obeyed or refused."""
        self.client = client
        self.watch = watch
        self.now = 0.0
        self.search: Search | None = None
        self._run = run
        self.say = say
        self._then = then
        self._scalings = 0
        self._progress: Progress | None = None
        self._step: Step | None = None
        self.replays = ReplayWatch(client, run, say, then)

    def one(self, command: Command, loop: str) -> None:
        """Ask one loop."""
        self._run(self._answered(lambda: self.client.command(command, loop), lambda _: None))

    def all(self, command: Command, workflow: str = "") -> None:
        """Ask every loop, or every loop of a workflow; a notice says how many obeyed."""

        def told(obeyed: int) -> None:
            whose = f" {workflow}" if workflow else ""
            self.say(f"{command}{whose}: {fmt.plural(obeyed, 'loop')}")
            self._progress = Progress(command, lambda loop: workflow in ("", loop.workflow))

        self._run(self._answered(lambda: self.client.command_all(command, workflow), told))

    def each(self, command: Command, loops: Sequence[str]) -> None:
        """Ask several loops; a notice says how many obeyed, and why others did not."""

        def told(refusals: tuple[str, ...]) -> None:
            self._progress = Progress(command, lambda loop: loop.id in loops)
            obeyed = len(loops) - len(refusals)
            if obeyed or not refusals:
                self.say(f"{command}: {fmt.plural(obeyed, 'loop')}")
            if refusals:
                stay = "stays as it is" if len(refusals) == 1 else "stay as they are"
                self.say(f"{fmt.plural(len(refusals), 'loop')} {stay}: {refusals[0]}", severity="warning")

        self._run(self._answered(lambda: self.client.command_each(command, loops), told))

    def progress(self, snapshot: EngineSnapshot) -> Step | None:
        """Return how far the last command for several loops has got; a notice says what came of a long one."""
        if self._progress is None:
            return None
        self._step = step = self._progress.step(snapshot)
        if step is None:
            if result := self._progress.result(snapshot):
                said, is_well = result
                self.say(said, severity="information" if is_well else "warning")
            self._progress = None
        return step

    def call_off(self) -> None:
        """Let those loops go on that are still on their way, if the last command for several can be called off."""
        step = self._step
        if step is None:
            self.say("Nothing is under way that could be called off.", severity="warning")
        elif not step.may_be_called_off:
            self.say(f"{step.doing.capitalize()} cannot be called off.", severity="warning")
        else:
            self.each(Command.RESUME, step.remaining)

    def scale(self, loop: str, change: int) -> None:
        """Ask for more replicas of a loop, or fewer; one short notice says how many it has in the end."""
        self._scalings += 1
        mine = self._scalings

        async def rested(replicas: int) -> None:
            await asyncio.sleep(_REST_S)
            if mine == self._scalings:
                self.say(f"{loop}: {fmt.plural(replicas, 'replica')}", timeout=_SHORT_S)

        def told(replicas: int) -> None:
            self._run(rested(replicas))

        self._run(self._answered(lambda: self.client.scale(loop, change), told))

    def replay(self, *chosen: Choice, from_start: bool = False) -> None:
        """Have dead letters run again from the node that failed, or all of their iterations.

        Notices say for how many that is so, and in the end how many have failed again.
        """
        for each in chosen:
            self.replays.ask(each, from_start=from_start)

    def purge(self, *chosen: Choice, then: Callable[[], None]) -> None:
        """Remove dead letters for good; notices say how many there were, and `then` is called."""

        def told(count: int) -> None:
            self.say(f"{fmt.plural(count, 'dead letter')} removed")
            then()

        for each in chosen:
            group, numbers = each.group, each.numbers
            purge = partial(self.client.purge_dead_letters, group.loop, group.fingerprint, numbers=numbers)
            self._run(self._answered(purge, told))

    def letter(self, number: int, told: Callable[[DeadLetter], None], *, of_production: bool = False) -> None:
        """Ask for the dead letter with this number; a notice says if it is gone."""
        self._run(self._answered(lambda: self.client.dead_letter(number, of_production=of_production), told))

    def letter_of(self, group: DeadLetterGroup, number: int, told: Callable[[DeadLetter], None]) -> None:
        """Ask for the dead letter of a group with this number, also of production; a notice says if it is gone."""

        def first(letters: list[DeadLetter]) -> None:
            if letters and letters[0].number == number:
                told(letters[0])
            else:
                self.say(f"Letter {number} is gone: it was replayed or removed.", severity="warning")

        self._run(self._answered(lambda: newest_below(self.client, group, number + 1, 1), first))

    def newest_letter(self, group: DeadLetterGroup, told: Callable[[DeadLetter], None]) -> None:
        """Ask for the newest dead letter of a group; a notice says if there is none any more."""

        def first(letters: list[DeadLetter]) -> None:
            if letters:
                told(letters[0])
            else:
                self.say(f"{group.loop}: no dead letter like this is left.", severity="warning")

        self._run(self._answered(lambda: newest_below(self.client, group, None, 1), first))

    def forget_reader(self, ask: Callable[[], Future[None]], said: str) -> None:
        """Forget a reader of a queue by `ask`, and then say so."""
        self._run(self._answered(ask, lambda _: self.say(said)))

    def trigger_form(self, loop: str, told: Callable[[Form | None], None]) -> None:
        """Ask what a trigger asks for; `told` is given its form, None if it takes any JSON object."""
        self._run(self._answered(lambda: self.client.trigger_form(loop, {}), told))

    def source_of(self, loop: str, node: str, told: Callable[[SourcePlace], None]) -> None:
        """Ask where a node's code stands; without a node, where the loop does in its workflow file."""
        self._run(self._answered(lambda: self.client.source_of(loop, node), told))

    def source_text(self, path: Path, told: Callable[[SourceText], None]) -> None:
        """Ask for a file of the folder as it is on disk."""
        self._run(self._answered(lambda: self.client.source_text(path), told))

    def kept_texts(self, path: Path, told: Callable[[tuple[KeptText, ...]], None]) -> None:
        """Ask for the texts that a file could be given back."""
        self._run(self._answered(lambda: self.client.kept_texts(path), told))

    def plan_roll_back(self, path: Path, to: str, told: Callable[[RollBack], None]) -> None:
        """Ask what would change if a file were given a text back; an empty `to` is the one that suits best."""
        self._run(self._answered(lambda: self.client.plan_roll_back(path, to), told))

    def roll_back(self, planned: RollBack) -> None:
        """Give a file an earlier text back; notices say that it is being done, and what came of it."""
        self.say(f"{planned.name}: rolling back …", timeout=_SHORT_S)

        def told(what: str) -> None:
            self.say(f"{planned.name} rolled back: {what}" if what else f"{planned.name} rolled back")

        self._run(self._answered(lambda: self.client.roll_back(planned), told))

    def forget_file(self, path: Path) -> None:
        """Keep no text of a deleted file any more."""
        self._run(self._answered(lambda: self.client.forget_file(path), lambda _: None))

    def reload_now(self) -> None:
        """Have the folder read again; a notice says what came of it, also if nothing has changed."""

        def told(what: str) -> None:
            self.say(what or "nothing has changed since the folder was last read")

        self._run(self._answered(self.client.reload, told))

    def reload(self, then: Callable[[], None]) -> None:
        """Have the folder read again; a notice says what came of it, unless nothing has changed."""

        def told(what: str) -> None:
            if what:
                self.say(what)
            then()

        self._run(self._answered(self.client.reload, told))

    def find(self, text: str) -> Search:
        """Begin to look for a text everywhere, and no longer for another one."""
        if self.search is not None:
            self.search.cancel()
        self.search = Search(self.client, text)
        return self.search

    async def _answered(self, ask: Callable[[], Future[T]], told: Callable[[T], None]) -> None:
        try:
            told(await asyncio.wrap_future(ask()))
        except FlowtuiError as error:
            self.say(str(error), severity="error")
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            return
        self._then()
