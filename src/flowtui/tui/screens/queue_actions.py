"""What a person may do with the chosen queue."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import NamedTuple

from flowtui.model.errors import FlowtuiError
from flowtui.model.queued import QueuedItem
from flowtui.model.snapshot import GroupView, QueueView
from flowtui.tui import format as fmt
from flowtui.tui.json_text import JsonFault, as_text, read_object
from flowtui.tui.places import ShowLoop
from flowtui.tui.queue_words import group_items, reader_name
from flowtui.tui.screens.ask import ChooseScreen, Option
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.frame import FrameScreen
from flowtui.tui.screens.inject import InjectScreen
from flowtui.tui.screens.progress import Steps, followed

_EMPTY_ITEM = "{}"


class _Target(NamedTuple):
    """Where items may go: all who read a queue, or one of them."""

    queue: str
    group: str
    option: Option


class QueueActions(FrameScreen):
    """The handlers of all actions on the chosen queue and its chosen reader."""

    @property
    def chosen_queue(self) -> QueueView | None:
        """The queue that is chosen."""
        raise NotImplementedError

    @property
    def chosen_reader(self) -> GroupView | None:
        """The reader of it that is chosen; a nameless one if nobody has ever read it."""
        raise NotImplementedError

    @property
    def chosen_item(self) -> QueuedItem | None:
        """The item of it that is chosen, if it is items that one looks at."""
        raise NotImplementedError

    def action_look_again(self) -> None:
        """Show the items as they are now."""
        raise NotImplementedError

    def _chosen(self) -> tuple[QueueView, GroupView] | None:
        queue, reader = self.chosen_queue, self.chosen_reader
        if queue is None or reader is None:
            self._commands.say("There is no queue to choose.", severity="warning")
            return None
        return queue, reader

    # One item

    def whole_item(self, item: QueuedItem, told: Callable[[QueuedItem], None]) -> None:
        """Have an item whole, if it is still there, else as it was seen; a notice says so."""
        if (chosen := self._chosen()) is not None:
            queue, reader = chosen
            whole = self._whole(queue.name, reader.loop, item, self.while_here(told))
            self.run_worker(whole, group="item", exclusive=True)

    async def _whole(self, queue: str, group: str, item: QueuedItem, told: Callable[[QueuedItem], None]) -> None:
        try:
            found = await asyncio.wrap_future(self._commands.client.queue_item(queue, group, item))
        except FlowtuiError as error:
            self._commands.say(str(error), severity="warning")
            found = item
        told(found)

    def action_inject_item(self) -> None:
        queue = self.chosen_queue
        if queue is None:
            self._commands.say("There is no queue to choose.", severity="warning")
        elif self._may_change():
            if (item := self.chosen_item) is not None:
                self.whole_item(item, lambda whole: self._ask_item(queue, _as_template(whole)))
            else:
                self._ask_item(queue, _EMPTY_ITEM)

    def _ask_item(self, queue: QueueView, text: str) -> None:
        def told(id: str | None) -> None:
            if id is not None:
                self._commands.say(f"item {id} waits in {queue.name}")
                self.action_look_again()

        self.app.push_screen(InjectScreen(self._commands.client, queue.name, text), told)

    # All that waits

    def action_purge_queue(self) -> None:
        if (waiting := self._what_waits()) is None:
            return
        queue, reader = waiting
        items = group_items(reader.waiting)
        rest = f" The {reader.in_flight:,} in flight are not touched." if reader.in_flight else ""
        question = f"Drop {items} that {_wait(reader)} in {queue.name}{_whose(reader)}? They are lost for good.{rest}"
        client = self._commands.client

        def purge() -> None:
            steps = Steps(reader.waiting)
            self._carry_out(
                f"Purging {queue.name}",
                steps,
                lambda: client.purge_queue(queue.name, reader.loop, steps.take),
                lambda number: f"{queue.name}: {group_items(number)} dropped",
            )

        self.if_yes(ConfirmScreen(f"Purge {queue.name}", question, f"yes, drop {items}"), purge)

    def action_move_items(self) -> None:
        if (waiting := self._what_waits()) is None or not self._may_change():
            return
        queue, reader = waiting
        targets = self._targets(queue, reader)
        if not targets:
            self._commands.say("There is no other queue to move the items to.", severity="warning")
            return

        def chosen(index: int | None) -> None:
            if index is not None:
                self._ask_move(queue, reader, targets[index])

        title = f"Move {group_items(reader.waiting)} of {queue.name} to"
        self.app.push_screen(ChooseScreen(title, [target.option for target in targets]), chosen)

    def _targets(self, queue: QueueView, reader: GroupView) -> list[_Target]:
        found = []
        for heir in queue.groups:
            if heir.loop != reader.loop and not heir.is_orphan:
                wait = f"{fmt.count(heir.waiting)} wait for it"
                option = Option(f"{queue.name}, for {heir.loop}", wait, _too_many(queue, heir.waiting, reader))
                found.append(_Target(queue.name, heir.loop, option))
        for other in self.snapshot.queues if self.snapshot is not None else ():
            if other.name != queue.name:
                read_by = f"read by {', '.join(other.readers)}" if other.readers else "read by nobody yet"
                wait = f"{fmt.count(other.depth)} wait, {read_by}"
                option = Option(other.name, wait, _too_many(other, other.depth, reader))
                found.append(_Target(other.name, "", option))
        return found

    def _ask_move(self, queue: QueueView, reader: GroupView, target: _Target) -> None:
        items, where = group_items(reader.waiting), target.option.label
        question = f"Move {items} that {_wait(reader)} in {queue.name}{_whose(reader)} to the end of {where}?"
        if target.option.warning:
            question += f" {target.option.warning[:1].upper()}{target.option.warning[1:]}."
        client = self._commands.client

        def move() -> None:
            steps = Steps(reader.waiting)
            self._carry_out(
                f"Moving to {where}",
                steps,
                lambda: client.move_items(queue.name, reader.loop, target.queue, target.group, steps.take),
                lambda number: f"{queue.name}: {group_items(number)} moved to {where}",
            )

        self.if_yes(ConfirmScreen(f"Move to {where}", question, f"yes, move {items}"), move)

    def _what_waits(self) -> tuple[QueueView, GroupView] | None:
        chosen = self._chosen()
        if chosen is not None and not chosen[1].waiting:
            queue, reader = chosen
            self._commands.say(f"Nothing waits in {queue.name}{_whose(reader)}.", severity="warning")
            return None
        return chosen

    def _carry_out(self, title: str, steps: Steps, ask: Callable[[], Future[int]], said: Callable[[int], str]) -> None:
        self.run_worker(self._follow(title, steps, ask, said))

    async def _follow(
        self, title: str, steps: Steps, ask: Callable[[], Future[int]], said: Callable[[int], str]
    ) -> None:
        try:
            number = await followed(self.app, title, steps, ask())
        except FlowtuiError as error:
            self._commands.say(str(error), severity="error")
        except (concurrent.futures.CancelledError, asyncio.CancelledError):
            self._commands.say(f"cancelled; {said(steps.done)}, the rest is where it was", severity="warning")
        else:
            self._commands.say(said(number))
        self.action_look_again()

    # Who reads and writes it

    def action_forget_reader(self) -> None:
        if (chosen := self._chosen()) is None:
            return
        queue, reader = chosen
        if not reader.is_orphan:
            why = "Only a reader that is in no file any more can be forgotten; it is marked as gone."
            self._commands.say(why, severity="warning")
        elif reader.waiting:
            items = group_items(reader.waiting)
            self._commands.say(
                f"{items} still wait for {reader.loop}: move (M) or purge (delete) them first.", "warning"
            )
        else:
            question = f"Keep no more items of {queue.name} for {reader.loop}? Should it come back, it begins anew."
            ask = partial(self._commands.client.forget_group, queue.name, reader.loop)
            forget = partial(self._commands.forget_reader, ask, f"{queue.name}: {reader.loop} is forgotten")
            self.if_yes(ConfirmScreen(f"Forget {reader.loop}", question, "yes, forget it"), forget)

    def action_show_reader(self) -> None:
        queue, reader = self.chosen_queue, self.chosen_reader
        here = [reader.loop] if reader is not None and queue is not None and reader.loop in queue.readers else []
        self._show_one(here or (list(queue.readers) if queue is not None else []), "reads")

    def action_show_writer(self) -> None:
        queue = self.chosen_queue
        self._show_one(list(queue.writers) if queue is not None else [], "writes")

    def _show_one(self, loops: list[str], does: str) -> None:
        if not loops:
            queue = self.chosen_queue.name if self.chosen_queue is not None else "a queue"
            self._commands.say(f"No loop {does} {queue}.", severity="warning")
        elif len(loops) == 1:
            self.post_message(ShowLoop(loops[0]))
        else:

            def chosen(index: int | None) -> None:
                if index is not None:
                    self.post_message(ShowLoop(loops[index]))

            self.app.push_screen(ChooseScreen(f"Which loop that {does} it", [Option(loop) for loop in loops]), chosen)


def _wait(reader: GroupView) -> str:
    return "waits" if reader.waiting == 1 else "wait"


def _too_many(target: QueueView, depth: int, reader: GroupView) -> str:
    """Return what is to be known if a queue would hold more than it may, else nothing."""
    would = depth + reader.waiting
    if not target.bound or would <= target.bound:
        return ""
    return f"it would hold {would:,} of at most {target.bound:,}, so there is no room for others until it has shrunk"


def _whose(reader: GroupView) -> str:
    return f" for {reader_name(reader)}" if reader.loop else ""


def _as_template(item: QueuedItem) -> str:
    found = read_object(item.payload)
    return _EMPTY_ITEM if isinstance(found, JsonFault) else as_text(found)
