"""Keys in the order in which they were pressed, also where a slow line delivers many at once.

A key goes to the widget that has the focus, which takes what it types; anything else climbs through the queues of all
widgets above to the app, where the bindings are. A key behind it, already in the focused widget's queue, would
overtake it: `4`, backspace and tab come out as another text in another field.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

from textual.events import Key, Paste
from textual.message_pump import MessagePump

#: What a person types, in one way or another.
Typed = Key | Paste
#: Seconds after which a key is given up that has got lost, as its widget has gone.
_LOST_S = 1.0
#: A widget tells the one above it what a key has done by a message, that one too, and the focus moves by one more.
_ROUNDS = 4


class KeyOrder:
    """Lets the next key go when the one before has climbed as far as it may."""

    def __init__(
        self, app: MessagePump, target: Callable[[], MessagePump], deliver: Callable[[Typed], Awaitable[None]]
    ) -> None:
        """`target` is what gets a key now; `deliver` gives it to that."""
        self._app = app
        self._target = target
        self._deliver = deliver
        self._waiting: deque[Typed] = deque()
        self._number = 0  # of the key that is under way
        self._under_way = False

    @property
    def is_through(self) -> bool:
        """Whether no key is under way, nor waits."""
        return not self._under_way

    async def take(self, event: Typed) -> None:
        """Deliver a key now, or when those before it are through."""
        self._waiting.append(event)
        if self._under_way:
            self._app.set_timer(_LOST_S, partial(self._through, self._number))
        else:
            await self._next()

    async def _next(self) -> None:
        self._under_way = bool(self._waiting)
        if not self._waiting:
            return
        self._number += 1
        number, target = self._number, self._target()
        await self._deliver(self._waiting.popleft())
        self._climb(target, number, _ROUNDS)

    def _climb(self, node: MessagePump, number: int, rounds: int) -> None:
        """Follow the key, and what it sets off: what is put into a queue now comes behind that."""
        parent = node._parent
        if node is not self._app and parent is not None:
            if not node.call_later(self._climb, parent, number, rounds):
                self._climb(parent, number, rounds)
        elif rounds > 1:
            self._app.call_later(lambda: self._climb(self._target(), number, rounds - 1))
        else:
            self._app.call_later(self._through, number)

    async def _through(self, number: int) -> None:
        if number == self._number and self._under_way:
            await self._next()
