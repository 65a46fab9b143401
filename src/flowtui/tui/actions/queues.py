"""What can be done with queues."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_QUEUE, _NEAR = "The chosen queue", "Who reads and writes it"

QUEUE_ACTIONS: tuple[Action, ...] = (
    Action(
        "inject_item",
        ("a",),
        "a",
        "put in",
        "Put an item at the end of the queue: asks for a JSON object, and begins with the chosen item.",
        _QUEUE,
        Scope.QUEUES,
        footer=1,
    ),
    Action(
        "move_items",
        ("M",),
        "M",
        "move",
        "Move all that waits for the chosen reader to another queue; asks which, and says how many.",
        _QUEUE,
        Scope.QUEUES,
        footer=2,
    ),
    Action(
        "purge_queue",
        ("delete", "ctrl+d"),
        "delete",
        "purge",
        "Drop all that waits for the chosen reader; asks first, and says how many. Also ctrl+d.",
        _QUEUE,
        Scope.QUEUES,
        footer=3,
    ),
    Action(
        "forget_reader",
        ("O",),
        "O",
        "forget orphan",
        "Keep no more items for an orphan, a reader that has gone for good; asks first.",
        _QUEUE,
        Scope.QUEUES,
    ),
    Action(
        "look_again",
        ("r",),
        "r",
        "look again",
        "Show the items as they are now, from the head on; those shown last are a moment ago.",
        _QUEUE,
        Scope.QUEUES,
    ),
    Action("show_reader", ("l",), "l", "reader", "The screen of the chosen reader.", _NEAR, Scope.QUEUES, footer=4),
    Action("show_writer", ("w",), "w", "writer", "The screen of the loop that writes it.", _NEAR, Scope.QUEUES),
)
