"""What is done with one node in the inspector: asks the engine, and remembers its answers."""

from __future__ import annotations

import asyncio
import concurrent.futures
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from textual.worker import Worker

from flowtui.model.cases import case_of
from flowtui.model.development import (
    RUNS_KEPT,
    DevLine,
    DevRun,
    Inspection,
    NodeInput,
    PlannedRun,
    SavedConfig,
    SourcePlace,
    Stored,
)
from flowtui.model.diff import same
from flowtui.model.errors import FlowtuiError, UnknownLetter
from flowtui.model.forms import KeyPath
from flowtui.model.letters import DeadLetter
from flowtui.tui.replay_watch import Say, tell_replay
from flowtui.tui.trial import Trial

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

T = TypeVar("T")
Spawn = Callable[[Coroutine[Any, Any, None]], Worker[None]]


class NodeDesk:
    """The work with one node. Methods return at once unless they are coroutines; `changed` is called after each answer.

    Attributes:
        trial: what is tried; None until the engine has told of the node.
        run: the run that was made last, here or before; None without any.
        lines: what the node has logged in the run that goes on, or was cancelled.
        cancelled: how the last run was cancelled, empty if it was not.
        gone: why the engine knows no such node, empty if it does.
    """

    def __init__(
        self,
        client: EngineClient,
        loop: str,
        node: str,
        *,
        given: NodeInput | None,
        spawn: Spawn,
        say: Say,
        changed: Callable[[], None],
    ) -> None:
        self.client = client
        self.loop = loop
        self.node = node
        self.trial: Trial | None = None
        self.run: DevRun | None = None
        self.lines: list[DevLine] = []
        self.cancelled = ""
        self.gone = ""
        self._given = given
        self._spawn = spawn
        self._say = say
        self._changed = changed
        self._own_runs: list[DevRun] = []
        self._running: Worker[None] | None = None
        self._since = 0.0
        self._saved: SavedConfig | None = None
        self._undone = False
        self._settled = asyncio.Event()  # set while the form shows what was typed
        self._settled.set()
        self._unseen = False

    # What is known

    @property
    def inspection(self) -> Inspection | None:
        return self.trial.inspection if self.trial is not None else None

    @property
    def running_s(self) -> float | None:
        """For how long the node runs, None if it does not."""
        return time.monotonic() - self._since if self._running is not None else None

    @property
    def runs(self) -> list[DevRun]:
        """The last runs, newest first."""
        kept = self.inspection.runs if self.inspection is not None else ()
        known = {run.id for run in kept}
        return [*(run for run in self._own_runs if run.id not in known), *kept][:RUNS_KEPT]

    @property
    def may_undo(self) -> bool:
        return self._saved is not None

    def is_pinned(self, output: Stored | None) -> bool:
        """Return whether this is the output that is pinned."""
        pinned = self.inspection.pinned if self.inspection is not None else None
        return output is not None and pinned is not None and same(pinned.as_dict(), output.as_dict())

    async def load(self, *, follow_file: bool = False) -> None:
        """Ask anew what is known of the node."""
        try:
            inspection = await asyncio.wrap_future(self.client.inspect(self.loop, self.node))
        except FlowtuiError as error:
            if self.trial is None:
                self.gone = str(error)
            else:
                self._say(str(error), severity="error")
        else:
            if self.trial is None:
                self.trial = Trial(inspection, self._given)
            else:
                self.trial.renew(inspection, follow_file=follow_file)
            self.run = next(iter(self.runs), None)
            self.look()
        self._changed()

    # Config

    def edit(self, path: KeyPath, value: Any) -> None:
        """Have a setting take a value, or `RESET`."""
        if self.trial is not None:
            self.trial.pending[path] = value
            self.look()

    def look(self) -> None:
        """See what config and input make of the form."""
        self._unseen = True
        if self._settled.is_set():
            self._settled.clear()
            self._spawn(self._preview())

    async def _preview(self) -> None:
        try:
            while self._unseen and (trial := self.trial) is not None:
                self._unseen = False
                asked, edition = dict(trial.pending), trial.edition
                changes, reset = trial.wanted()
                asking = self.client.preview_config(
                    self.loop, self.node, trial.config, changes, reset, trial.whole_input()
                )
                preview = await asyncio.wrap_future(asking)
                if edition == trial.edition:
                    trial.take(preview, asked)
                else:
                    self._unseen = True
                self._changed()
        except FlowtuiError as error:
            self._say(str(error), severity="error")
        finally:
            self._settled.set()

    def save(self) -> None:
        """Write the config to the file, and have the engine take it over."""
        if self.trial is not None:
            self._spawn(self._save(self.trial))

    async def _save(self, trial: Trial) -> None:
        await self._settled.wait()
        found = trial.inspection
        saving = self.client.save_config(self.loop, self.node, trial.config, found.digest)
        saved = await self._answer(saving)
        if saved is None:
            # The file may be another one by now; what was changed here stays.
            await self.load()
            return
        self._saved, self._undone = saved, False
        await self._take_over(f"{found.path.name} is saved; f4 takes that back.")

    def undo(self) -> None:
        """Take the last save back; again, save it again."""
        self._spawn(self._undo())

    async def _undo(self) -> None:
        if self._saved is None:
            self._say("Nothing was saved here that could be taken back.", severity="warning")
            return
        saved = await self._answer(self.client.undo_config(self._saved))
        if saved is not None:
            self._saved, self._undone = saved, not self._undone
            name = saved.path.name
            await self._take_over(f"{name} is as before; f4 saves it again." if self._undone else f"{name} is saved.")

    async def _take_over(self, said: str) -> None:
        self._say(said)
        await self._answer(self.client.reload())
        await self.load(follow_file=True)

    async def source(self) -> SourcePlace | None:
        """Return where the code of the node stands; None if that cannot be told."""
        return await self._answer(self.client.source_of(self.loop, self.node))

    # Runs

    def start(self) -> None:
        """Run the node, unless it runs."""
        if self._running is None and self.trial is not None:
            self._since = time.monotonic()
            self.lines, self.cancelled = [], ""
            self._running = self._spawn(self._run(self.trial))
            self._changed()

    def cancel(self) -> None:
        """End the run that goes on."""
        if self._running is not None:
            self._running.cancel()

    async def _run(self, trial: Trial) -> None:
        lines: list[DevLine] = []
        self.lines = lines
        try:
            await self._settled.wait()
            asked = self.client.run_node(trial.request(), lines.append)
            run = await asyncio.wrap_future(asked)
        except FlowtuiError as error:
            self._say(str(error), severity="error")
        except (asyncio.CancelledError, concurrent.futures.CancelledError):
            self.cancelled = f"cancelled after {time.monotonic() - self._since:.1f} s"
            self._say(f"{self.node} is {self.cancelled}.", severity="warning")
        else:
            self._own_runs = [run, *self._own_runs][:RUNS_KEPT]
            self.run = run
            self._spawn(self.load())
        finally:
            self._running = None
        self._changed()

    async def plan(self) -> tuple[PlannedRun, ...] | None:
        """Return what is to be run before the node; None if that cannot be told."""
        return await self._answer(self.client.plan_upstream(self.loop, self.node))

    def pin(self, output: Stored | None) -> None:
        """Pin an output; None unpins."""
        self._spawn(self._pin(output))

    async def _pin(self, output: Stored | None) -> None:
        had = self.inspection is not None and self.inspection.pinned is not None
        if await self._done(self.client.pin(self.loop, self.node, output)):
            said = "is unpinned" if output is None else "is pinned in place of the old one" if had else "is pinned"
            self._say(f"The output of {self.node} {said}.")
            await self.load()

    def save_case(self, run: DevRun, name: str) -> None:
        """Save a run as a test case under this name."""
        self._spawn(self._save_case(run, name))

    async def _save_case(self, run: DevRun, name: str) -> None:
        if self.inspection is None:
            return
        try:
            case = case_of(run, name, self.inspection.config, self.inspection.upstream)
        except FlowtuiError as error:
            self._say(str(error), severity="warning")
            return
        path = await self._answer(self.client.save_case(case))
        if path is not None:
            self._say(f"Saved as a test case in {path.parent.name}/{path.name}: `flowtui test` repeats it.")

    # Dead letters

    async def letters(self) -> list[DeadLetter]:
        """Return the newest dead letters of the node, then those of the production beside which it is developed."""
        found: list[DeadLetter] = []
        for of_production in (False, True):
            asked = self.client.dead_letters(self.loop, limit=50, of_production=of_production)
            page = await self._answer(asked)
            found.extend(page or ())
        return [letter for letter in found if letter.node == self.node]

    async def is_there(self, letter: DeadLetter) -> bool | None:
        """Return whether a letter has not been replayed or purged meanwhile; None if that cannot be told."""
        try:
            await asyncio.wrap_future(self.client.dead_letter(letter.number))
        except UnknownLetter:
            return False
        except FlowtuiError as error:
            self._say(str(error), severity="error")
            return None
        return True

    def replay(self, letter: DeadLetter, payload: dict[str, Any] | None = None, *, all_like: bool = False) -> None:
        """Have a letter run again, with another payload if one is given, or all with its fingerprint."""
        self._spawn(self._replay(letter, payload, all_like))

    async def _replay(self, letter: DeadLetter, payload: dict[str, Any] | None, all_like: bool) -> None:
        if payload is not None:
            edited = await self._answer(self.client.edit_dead_letter(letter, payload))
            if edited is None:
                return
            letter = edited
        if all_like:
            answer = await self._answer(self.client.replay_all(letter.loop, letter.fingerprint))
        else:
            answer = await self._answer(self.client.replay(letter))
        if answer is not None:
            tell_replay(self._say, letter.loop, answer)

    # Asking

    async def _answer(self, asked: Future[T]) -> T | None:
        """Return the answer of the engine; None if it refuses, which is said."""
        try:
            return await asyncio.wrap_future(asked)
        except FlowtuiError as error:
            self._say(str(error), severity="error", timeout=10)
            return None

    async def _done(self, asked: Future[None]) -> bool:
        try:
            await asyncio.wrap_future(asked)
        except FlowtuiError as error:
            self._say(str(error), severity="error")
            return False
        return True
