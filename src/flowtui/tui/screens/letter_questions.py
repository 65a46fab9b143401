"""What is asked before dead letters are replayed or removed."""

from __future__ import annotations

from collections.abc import Sequence

from flowtui.model.letters import DeadLetter
from flowtui.tui import format as fmt
from flowtui.tui.letter_list import Choice
from flowtui.tui.screens.ask import Option
from flowtui.tui.screens.confirm import ConfirmScreen

_FROM_NODE = "what had succeeded does not run again"
_FROM_START = "all of it runs again; a queue's item goes to its end"


def how_many(chosen: Sequence[Choice], letter: DeadLetter | None = None, hidden: int = 0) -> str:
    """Return which letters are meant: `letter 7`, `12 dead letters`; `hidden` rows are marked, but not seen."""
    count = sum(each.count for each in chosen)
    unseen = f" ({hidden:,} of the marked rows out of view)" if hidden else ""
    return f"letter {letter.number}" if letter is not None else fmt.plural(count, "dead letter") + unseen


def replay_options(chosen: Sequence[Choice], letter: DeadLetter | None = None) -> list[Option]:
    """Return from where letters can be replayed: from the failed node, from the start.

    If it is one letter, it is told what is against that.
    """
    nodes = {each.group.node for each in chosen}
    node = f"from {nodes.pop()} on" if len(nodes) == 1 else "from where each failed"
    if letter is None:
        return [Option(node, _FROM_NODE), Option("from the start", _FROM_START)]
    unused = "it takes the item, not the edited payload" if letter.edits and letter.item is not None else ""
    return [
        Option(node, _FROM_NODE, letter.why_not(from_start=False)),
        Option("from the start", _FROM_START, letter.why_not(from_start=True) or unused),
    ]


def ask_remove(chosen: Sequence[Choice], letter: DeadLetter | None = None, hidden: int = 0) -> ConfirmScreen:
    """Return the question before letters are removed, which says what would be lost."""
    what = how_many(chosen, letter, hidden)
    where = ", ".join(f"{each.group.node} of {each.group.loop}" for each in chosen[:2])
    more = f" and {len(chosen) - 2:,} more groups" if len(chosen) > 2 else ""
    whole = any(each.numbers is None for each in chosen)
    meanwhile = ", and those that come until you answer" if whole else ""
    item = f", item {letter.id}" if letter is not None else ""
    waits = " It waits to be replayed, which will not happen then." if letter is not None and letter.replaying else ""
    them, lost = ("it", "Its payload is") if letter is not None else ("them", "Their payloads are")
    question = (
        f"Remove {what} from {where}{more}{item}{meanwhile}? {lost} nowhere else, and will be lost; o writes {them} to "
        f"a file first.{waits}"
    )
    return ConfirmScreen(f"Remove {how_many(chosen, letter)}", question, f"yes, remove {them} for good")
