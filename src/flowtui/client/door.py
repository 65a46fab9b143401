"""`EngineClient`: all that a screen may ask of an engine."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection, Iterable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from flowtui.engine.engine import FlowEngine
from flowtui.engine.rooms import Rooms
from flowtui.model.access import Mode
from flowtui.model.cases import TestCase
from flowtui.model.development import (
    DevLine,
    DevRequest,
    DevRun,
    Inspection,
    NodeInput,
    PlannedRun,
    Preview,
    Sample,
    SavedConfig,
    SourcePlace,
    Stored,
    TapBatch,
)
from flowtui.model.errors import AccessRefused
from flowtui.model.finding import FoundPage
from flowtui.model.forms import Form, KeyPath
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.model.log_lines import LogBatch
from flowtui.model.queued import QueuedItem, QueuePage, QueuePlace
from flowtui.model.runs import Asked, Run
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import Command
from flowtui.model.workflows import KeptText, RollBack, SourceText

P = ParamSpec("P")
T = TypeVar("T")


def _changing(
    ask: Callable[Concatenate[EngineClient, P], Future[T]],
) -> Callable[Concatenate[EngineClient, P], Future[T]]:
    """Make a method that changes something fail with `AccessRefused` if people may only look."""

    @functools.wraps(ask)
    def checked(self: EngineClient, /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        try:
            self._engine.access.check()
        except AccessRefused as error:
            refused: Future[T] = Future()
            refused.set_exception(error)
            return refused
        return ask(self, *args, **kwargs)

    return checked


class EngineClient:
    """The door to an engine in this process. Every method may be called from any thread.

    If the engine is read-only, everything that would change something fails with `AccessRefused`.
    """

    def __init__(self, engine: FlowEngine) -> None:
        self._engine = engine

    def start(self) -> None:
        """Begin to load and run; returns at once."""
        self._engine.start()

    def snapshot(self) -> EngineSnapshot:
        """Return everything a screen shows, at one moment."""
        return self._engine.snapshot()

    def switch_mode(self) -> Mode:
        """Go from production to development, or back, and return which it is now; raises `AccessRefused`."""
        return self._engine.switch_mode()

    def logs(self, after: int, limit: int = 2000) -> LogBatch:
        """Return up to `limit` log lines with a sequence number above `after`, oldest first."""
        return self._engine.logs(after, limit)

    @_changing
    def command(self, command: Command, loop: str) -> Future[None]:
        """Carry out a command on a loop; fails with `IllegalTransition` or `UnknownLoop`."""

        async def carry_out(rooms: Rooms) -> None:
            rooms.commands.one(command, loop)

        return self._engine.ask(carry_out)

    @_changing
    def command_all(self, command: Command, workflow: str = "") -> Future[int]:
        """Carry out a command on every loop, or every loop of a workflow, whose state allows it.

        Returns how many obeyed.
        """

        async def carry_out(rooms: Rooms) -> int:
            return len(rooms.commands.all(command, workflow))

        return self._engine.ask(carry_out)

    @_changing
    def command_each(self, command: Command, loops: Iterable[str]) -> Future[tuple[str, ...]]:
        """Carry out a command on several loops in the same moment; return why those do not obey that do not."""

        async def carry_out(rooms: Rooms) -> tuple[str, ...]:
            return tuple(rooms.commands.each(command, loops)[1])

        return self._engine.ask(carry_out)

    @_changing
    def scale(self, loop: str, change: int) -> Future[int]:
        """Give a loop `change` more tracks, or fewer; return how many it has then, 1 at least.

        Fails with `NotReplicable` or `UnknownLoop`.
        """

        async def carry_out(rooms: Rooms) -> int:
            return rooms.commands.scale(loop, change)

        return self._engine.ask(carry_out)

    def dead_letters(
        self,
        loop: str = "",
        fingerprint: str = "",
        *,
        before: int | None = None,
        limit: int = 100,
        of_production: bool = False,
    ) -> Future[list[DeadLetter]]:
        """Return the newest dead letters with a number below `before`, newest first; an empty page is the last.

        They are those of `loop`, of all loops if empty, and of the group `fingerprint`, of all groups if empty. Those
        of the production beside which the engine develops are another list.
        """
        return self._engine.ask(
            lambda rooms: rooms.letters.page(loop, fingerprint, before, limit, of_production=of_production)
        )

    def dead_letter(self, number: int, *, of_production: bool = False) -> Future[DeadLetter]:
        """Return one dead letter, of this engine or of production; fails with `UnknownLetter`."""
        return self._engine.ask(lambda rooms: rooms.letters.find(number, of_production=of_production))

    @_changing
    def edit_dead_letter(self, letter: DeadLetter, payload: dict[str, Any]) -> Future[DeadLetter]:
        """Give a dead letter another payload for its failed node; fails with `LetterChanged` or `UnknownLetter`."""
        return self._engine.ask(lambda rooms: rooms.letters.edit(letter, payload=payload))

    @_changing
    def replay(self, letter: DeadLetter, *, from_start: bool = False) -> Future[ReplayAnswer]:
        """Have a dead letter run again, from its failed node or with all of its iteration."""
        return self._engine.ask(lambda rooms: rooms.letters.replay([letter], from_start=from_start))

    @_changing
    def replay_all(
        self,
        loop: str = "",
        fingerprint: str = "",
        *,
        numbers: Collection[int] | None = None,
        from_start: bool = False,
    ) -> Future[ReplayAnswer]:
        """Have all dead letters of a loop, a group, or all there are, run again; chosen as by `dead_letters`.

        If numbers are given, it is for those only that have one of them.
        """
        return self._engine.ask(
            lambda rooms: rooms.letters.replay_all(loop, fingerprint, numbers, from_start=from_start)
        )

    def replaying(self, loop: str) -> Future[int]:
        """Return how many dead letters of a loop wait to be run again, or are run again just now."""
        return self._engine.ask(lambda rooms: rooms.letters.replaying(loop))

    @_changing
    def purge_dead_letters(
        self, loop: str = "", fingerprint: str = "", *, numbers: Collection[int] | None = None
    ) -> Future[int]:
        """Remove dead letters, chosen as by `replay_all`; return how many."""
        return self._engine.ask(lambda rooms: rooms.letters.purge(loop, fingerprint, numbers))

    def queue_page(
        self, queue: str, group: str, place: QueuePlace | None = None, *, text: str = "", limit: int = 100
    ) -> Future[QueuePage]:
        """Return up to `limit` items of a queue that wait for the loop `group`, or, if that is empty, for any reader.

        They begin at `place`, as a page before has told, or else at the head, where those in flight come first. With
        a text there are only items that hold it in id or payload, as many as are found in a quarter of a second; to
        cancel the future ends the search. Fails with `StoreError`.
        """
        return self._engine.ask(lambda rooms: rooms.queues.page(queue, group, place, text, limit))

    def queue_item(self, queue: str, group: str, item: QueuedItem) -> Future[QueuedItem]:
        """Return an item of a page with all of its payload; fails with `UnknownItem` if it has left the queue."""
        return self._engine.ask(lambda rooms: rooms.queues.whole(queue, group, item))

    @_changing
    def inject(self, queue: str, payload: dict[str, Any]) -> Future[str]:
        """Put an item at the end of a queue, whatever its bound; return its id. Fails with `StoreError`."""
        return self._engine.ask(lambda rooms: rooms.queues.inject(queue, payload))

    @_changing
    def purge_queue(self, queue: str, group: str, on_step: Callable[[int], None] | None = None) -> Future[int]:
        """Drop what waits in a queue for a group, chosen as by `queue_page`; return how many items.

        `on_step` is told how many are done after each thousand, on another thread; to cancel the future leaves the
        rest. Fails with `StoreError`.
        """
        return self._engine.ask(lambda rooms: rooms.queues.purge(queue, group, on_step))

    @_changing
    def move_items(
        self,
        queue: str,
        group: str,
        target: str,
        target_group: str = "",
        on_step: Callable[[int], None] | None = None,
    ) -> Future[int]:
        """Move what waits in a queue to the end of another, for one group of that if it is named; return how many.

        `on_step` and what it fails with are as of `purge_queue`.
        """
        return self._engine.ask(lambda rooms: rooms.queues.move(queue, group, target, target_group, on_step))

    @_changing
    def forget_group(self, queue: str, group: str) -> Future[None]:
        """Keep no more items for a loop that has gone for good; fails with `StoreError` if it has not, or some wait."""
        return self._engine.ask(lambda rooms: rooms.queues.forget(queue, group))

    @_changing
    def trigger(self, loop: str, values: Mapping[str, Any]) -> Future[Asked]:
        """Have a trigger's loop run once; fails with `BadInput`, `NotTriggered`, `UnknownLoop` or `StoreError`."""
        return self._engine.ask(lambda rooms: rooms.triggers.ask(loop, "", values))

    def trigger_form(self, loop: str, values: Mapping[str, Any]) -> Future[Form | None]:
        """Return what a trigger asks for, with these values; None if it takes any JSON object."""

        async def form(rooms: Rooms) -> Form | None:
            return rooms.triggers.form(loop, values)

        return self._engine.ask(form)

    def run(self, id: str) -> Future[Run]:
        """Return what is known of a run; fails with `UnknownRun` or `StoreError`."""
        return self._engine.ask(lambda rooms: rooms.triggers.run(id))

    def inspect(self, loop: str, node: str) -> Future[Inspection]:
        """Return all that is known of a node; fails with `UnknownLoop`, `UnknownNode` or `StoreError`."""
        return self._engine.ask(lambda rooms: rooms.development.inspect(loop, node))

    def preview_config(
        self,
        loop: str,
        node: str,
        config: Mapping[str, Any],
        changes: Mapping[str, Any],
        reset: Iterable[KeyPath] = (),
        data: NodeInput | None = None,
    ) -> Future[Preview]:
        """Return what becomes of a config with some changes, and of its templates for an input; keeps nothing."""
        return self._engine.ask(
            lambda rooms: rooms.development.preview_config(loop, node, config, changes, reset, data)
        )

    @_changing
    def run_node(self, request: DevRequest, on_line: Callable[[DevLine], None] | None = None) -> Future[DevRun]:
        """Run one node in a process of its own; to cancel the future ends it, whatever it does.

        `on_line` is told each line while it runs, on another thread. Fails with `MissingInputs`, which names what there
        is no input from, with `BadInput`, and as `inspect` does.
        """
        return self._engine.ask(lambda rooms: rooms.development.run_node(request, on_line))

    def plan_upstream(self, loop: str, node: str) -> Future[tuple[PlannedRun, ...]]:
        """Return which nodes have to run, in this order, before a node has an up to date input from each upstream."""
        return self._engine.ask(lambda rooms: rooms.development.plan_upstream(loop, node))

    @_changing
    def pin(self, loop: str, node: str, output: Stored | None) -> Future[None]:
        """Have a node's dependants get this output in place of what it makes, in development; None unpins it."""
        return self._engine.ask(lambda rooms: rooms.development.pin(loop, node, output))

    @_changing
    def save_config(self, loop: str, node: str, config: Mapping[str, Any], digest: str) -> Future[SavedConfig]:
        """Write the config of a node to its workflow file, which must be the one that `digest` was made from.

        Fails with `FileChanged`, `NotSaved`, `UnknownLoop` or `UnknownNode`; the file is then as it was.
        """
        return self._engine.ask(lambda rooms: rooms.configs.save(loop, node, config, digest))

    @_changing
    def undo_config(self, saved: SavedConfig) -> Future[SavedConfig]:
        """Take back a saved config; what is returned undoes that in turn. Fails with `FileChanged` or `NotSaved`."""
        return self._engine.ask(lambda rooms: rooms.configs.undo(saved))

    @_changing
    def save_case(self, case: TestCase) -> Future[Path]:
        """Write a test case behind the others of its workflow; return its file.

        Fails with `FileChanged`, or with `NotSaved`, as if it has a case of that name; the file is then as it was.
        """
        return self._engine.ask(lambda rooms: rooms.configs.save_case(case))

    def reload(self) -> Future[str]:
        """Read the folder again now; return what came of it, empty if nothing has changed since the last time."""
        return self._engine.ask(lambda rooms: rooms.reload())

    def source_text(self, path: Path) -> Future[SourceText]:
        """Return a file of the folder as it is on disk; fails with `FileChanged` or `NothingKept`."""
        return self._engine.ask(lambda rooms: rooms.texts.source(path))

    def kept_texts(self, path: Path) -> Future[tuple[KeptText, ...]]:
        """Return the texts that a file could be given back, the newest first; fails with `NothingKept`."""
        return self._engine.ask(lambda rooms: rooms.texts.kept(path))

    def plan_roll_back(self, path: Path, to: str = "") -> Future[RollBack]:
        """Return what would change if a file were given an earlier text back; writes nothing.

        `to` is the digest of that text; by default it is the one that runs if the file is broken, else the last good
        one before. Fails with `NothingKept` or `NotSaved`.
        """
        return self._engine.ask(lambda rooms: rooms.texts.plan(path, to))

    @_changing
    def roll_back(self, planned: RollBack) -> Future[str]:
        """Give a file an earlier text back and reload; return what came of it. The text that it had is kept, too.

        Fails with `FileChanged`, `NotSaved` or `NothingKept`; the file is then as it was.
        """
        return self._engine.ask(lambda rooms: rooms.roll_back(planned))

    @_changing
    def forget_file(self, path: Path) -> Future[None]:
        """Keep no text of a deleted file any more; fails with `FileChanged` if it is there, or `NothingKept`."""
        return self._engine.ask(lambda rooms: rooms.texts.forget(path))

    def source_of(self, loop: str, node: str = "") -> Future[SourcePlace]:
        """Return where a node's code stands: its author's, else its lines in the workflow file.

        Without a node it is the loop's producer in the workflow file. Fails with `UnknownLoop` or `UnknownNode`.
        """
        return self._engine.ask(lambda rooms: rooms.configs.source_of(loop, node))

    def samples(self, loop: str, node: str) -> Future[tuple[Sample, ...]]:
        """Return the last few items that passed through a node, newest first; fails with `StoreError`."""
        return self._engine.ask(lambda rooms: rooms.taps.newest(loop, node))

    def tap(self, loop: str, node: str) -> Future[None]:
        """Sample a node more often, and no other, as long as somebody asks what came; `untap` ends it.

        Fails with `UnknownLoop` or `UnknownNode`.
        """
        return self._engine.ask(lambda rooms: rooms.taps.tap(loop, node))

    def tapped(self, after: int) -> TapBatch:
        """Return what has passed through the tapped node since the sample of that number; 0 for all that is kept."""
        return self._engine.tapped(after)

    def untap(self) -> Future[None]:
        """End the tap, if there is one."""
        return self._engine.ask(lambda rooms: rooms.taps.untap())

    def find(self, text: str, told: Callable[[FoundPage], None]) -> Future[None]:
        """Look for a text in queues, dead letters, samples and logs; to cancel the future ends the search.

        `told` is given each page as it is found, on another thread. Fails with `StoreError`.
        """
        return self._engine.ask(lambda rooms: rooms.find(text, told))

    def is_idle(self) -> Future[bool]:
        """Tell whether every loop has ended or waits on an empty queue with nothing in flight."""
        return self._engine.ask(lambda rooms: rooms.is_idle())

    def report_output(self, text: str) -> None:
        """Log a line that something wrote to file descriptor 1 or 2 of the process."""
        self._engine.log_output(text)

    def failure(self) -> str:
        """Return why nothing can run at all, empty if it can."""
        return self._engine.failure

    def close(self) -> None:
        """Stop all loops with grace and close the store; returns when it is done."""
        self._engine.close()
