"""What is asked before dead letters are replayed or removed."""

from __future__ import annotations

from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup
from flowtui.tui import format as fmt
from flowtui.tui.screens.ask import Option
from flowtui.tui.screens.confirm import ConfirmScreen

_FROM_START = "all of its iteration again, also what had succeeded; an item of a queue goes back to its end"
_PLACES = (False, True)


def replay_options(node: str, letter: DeadLetter | None = None) -> list[Option]:
    """Return from where letters can be replayed: from the failed node, from the start; with what is against that."""
    return [
        Option(label, detail, letter.why_not(from_start=from_start) if letter is not None else "")
        for from_start, label, detail in zip(
            _PLACES,
            (f"from {node} on", "from the start"),
            ("what had succeeded does not run again", _FROM_START + _unused(letter)),
            strict=True,
        )
    ]


def _unused(letter: DeadLetter | None) -> str:
    return "; it takes the item, not the edited payload" if letter and letter.edits and letter.item is not None else ""


def ask_remove_group(group: DeadLetterGroup) -> ConfirmScreen:
    """Return the question before a group of letters is removed."""
    letters = fmt.plural(group.count, "dead letter")
    question = (
        f"Remove {letters} of {group.loop} that failed at {group.node} with {group.error}, and those that come "
        "meanwhile? Their payloads are nowhere else, and are lost; o writes them to a file first."
    )
    return ConfirmScreen(f"Remove {letters}", question, "yes, remove them for good")


def ask_remove_letter(letter: DeadLetter) -> ConfirmScreen:
    """Return the question before one letter is removed."""
    waits = " It waits to be replayed, which will not happen then." if letter.replaying else ""
    question = (
        f"Remove letter {letter.number} of {letter.loop}, item {letter.id}? Its payload is nowhere else, and is lost; "
        f"o writes it to a file first.{waits}"
    )
    return ConfirmScreen(f"Remove letter {letter.number}", question, "yes, remove it for good")
