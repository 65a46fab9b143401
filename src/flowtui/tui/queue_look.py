"""`QueueLook`: asks the engine for the items of one queue, page after page, or for those that hold a text."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from flowtui.model.errors import FlowtuiError
from flowtui.model.queued import QueuedItem, QueuePage
from flowtui.tui import format as fmt

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient

#: How many items are asked for at once.
PAGE = 100
#: How long a cursor or a text must rest before something is asked, in seconds.
_REST_S = 0.15
#: How often a queue that changes is looked at again, in seconds.
_AGAIN_S = 2.0


#: What is done in the background.
Work = Callable[[], Coroutine[None, None, None]]


class Aim(NamedTuple):
    """What is looked at: items of a queue that wait for a loop, empty for any reader; with a text only some of them."""

    queue: str
    group: str
    text: str = ""


class QueueLook:
    """The items of what is aimed at, as far as they were asked for.

    Attributes:
        aim: None before the first one.
        items: those in flight first.
        at: when they were seen, in seconds since the epoch.
        looked, waiting: how many waiting items were looked at, and how many there were.
        is_complete: whether there are no more than these.
        is_busy: whether an answer is awaited.
        trouble: why there was no answer, empty if there was one.
    """

    def __init__(
        self,
        client: EngineClient,
        run: Callable[[Work], object],
        changed: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        """Look through a door.

        Args:
            run: does some work in place of the one before, which it cancels.
            changed: called after an answer.
            now: tells the time, in seconds since the epoch.
        """
        self._client = client
        self._run = run
        self._changed = changed
        self._now = now
        self.aim: Aim | None = None
        self._asked_at = 0.0  # of `time.monotonic`
        self._figures: object = None
        self._turn = 0
        self._begin(None)

    def _begin(self, aim: Aim | None) -> None:
        self.aim = aim
        self.items: list[QueuedItem] = []
        self.at = 0.0
        self.looked = self.waiting = 0
        self.is_complete = self.is_busy = False
        self._rests = False  # something was given up while nobody saw it
        self.trouble = ""
        self._page: QueuePage | None = None
        self._pages = 0

    def look_at(self, aim: Aim | None, figures: object) -> None:
        """Look at this; if it is looked at already, then only if its `figures` have changed, and not too often."""
        if aim != self.aim:
            self._begin(aim)
            self._figures = figures
            if aim is not None:
                self._ask(partial(self._first, aim, _REST_S))
            else:
                self._cancel()
        elif figures != self._figures and self._may_look_again:
            self._figures = figures
            self.again()

    @property
    def _may_look_again(self) -> bool:
        # Whoever has gone on to further pages, or looks for a text, reads what is there.
        rested = time.monotonic() - self._asked_at >= _AGAIN_S
        return rested and not self.is_busy and self._pages <= 1 and self.aim is not None and not self.aim.text

    def again(self) -> None:
        """Look again from the head on."""
        if self.aim is not None:
            self._ask(partial(self._first, self.aim, 0.0))

    def go_on(self) -> None:
        """Look at the next page too."""
        if self.aim is not None and not self.is_busy and self._page is not None and self._page.next is not None:
            self._ask(partial(self._next, self.aim))

    def rest(self) -> None:
        """Ask nothing while nobody sees it; a search would go on to the end of a long queue."""
        self._rests = self.is_busy
        if self._rests:
            self._cancel()

    def wake(self) -> None:
        """Go on with what was given up."""
        if self._rests:
            self._rests = False
            if self._page is not None and self.aim is not None and self.aim.text:
                self.go_on()
            else:
                self.again()

    def said(self) -> str:
        """Return what the title says of it."""
        if self.aim is None:
            return ""
        reader = f" for {self.aim.group}" if self.aim.group else ""
        said = f"in {self.aim.queue}{reader}"
        if not self.aim.text:
            return f"{said}, as of {fmt.clock(self.at)}" if self.at else said
        going_on = " …" if self.is_busy else ""
        found = f"{len(self.items):,} found in {self.looked:,} of {self.waiting:,}"
        return f"{said} /{self.aim.text}: {found}{going_on}"

    def more(self) -> str:
        """Return what is not shown."""
        if self.is_busy and self.aim is not None and self.aim.text:
            return "searching, esc ends it"
        left = self.waiting - self.looked
        return f"{left:,} more" if not self.is_complete and left > 0 else ""

    def nothing(self) -> str:
        """Return what stands in place of items."""
        if self.trouble:
            return f"✖ {self.trouble}"
        if self.aim is None:
            return "Choose a queue to see what waits in it."
        if self._page is None or self.is_busy:
            return "Looking …"
        if self.aim.text:
            rest = "" if self.is_complete else f" among the first {self.looked:,}"
            return f"No item holds {self.aim.text!r} in its id or payload{rest}. esc shows all again."
        return "Nothing waits, and nothing is in flight. a puts an item in."

    # In the background

    def _ask(self, work: Work) -> None:
        self.is_busy = True
        self._turn += 1
        self._run(partial(self._guarded, work, self._turn))

    def _cancel(self) -> None:
        self.is_busy = False
        self._turn += 1
        self._run(_nothing)

    async def _guarded(self, work: Work, turn: int) -> None:
        trouble = ""
        try:
            await work()
        except FlowtuiError as error:
            trouble = str(error)
        if turn == self._turn:
            self.is_busy, self.trouble = False, trouble
            self._asked_at = time.monotonic()
            self._changed()

    async def _first(self, aim: Aim, rest: float) -> None:
        if rest:
            await asyncio.sleep(rest)
        page = await asyncio.wrap_future(self._client.queue_page(aim.queue, aim.group, text=aim.text, limit=PAGE))
        self.items, self.looked, self._pages = [], 0, 0
        self._take(page)
        await self._fill(aim, len(page.items))

    async def _next(self, aim: Aim) -> None:
        await self._fill(aim, 0, at_least_one=True)

    async def _fill(self, aim: Aim, found: int, *, at_least_one: bool = False) -> None:
        """Go on until a page is full: of those that hold a text there may be few, far from each other."""
        while self._page is not None and (place := self._page.next) is not None and (at_least_one or aim.text):
            if found >= PAGE:
                return
            at_least_one = False
            self._changed()
            asked = self._client.queue_page(aim.queue, aim.group, place, text=aim.text, limit=PAGE - found)
            page = await asyncio.wrap_future(asked)
            found += len(page.items)
            self._take(page)

    def _take(self, page: QueuePage) -> None:
        known = {item.key for item in self.items}
        self.items = [*self.items, *(item for item in page.items if item.key not in known)]
        self.looked += page.looked
        self.waiting = max(page.waiting, self.looked)
        self.is_complete = page.next is None
        self.at = self._now()
        self._page = page
        self._pages += 1


async def _nothing() -> None:
    """Be done in place of what is given up."""
