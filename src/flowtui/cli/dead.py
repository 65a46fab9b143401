"""`flowtui dead`: dead letters from the shell, with an engine running or without."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from flowtui.cli.letter_texts import answer_lines, group_lines, letter_lines, letter_text
from flowtui.cli.options import Flags, store_options
from flowtui.cli.stores import existing_store, work_in
from flowtui.cli.streams import results
from flowtui.cli.tables import print_found
from flowtui.cli.usage import Misuse, confirm, json_object
from flowtui.engine.letter_desk import LetterDesk
from flowtui.graph.folder import load_folder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import Severity
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.nodes.secrets import Secrets

F = TypeVar("F", bound=Callable[..., Any])
T = TypeVar("T")

_loop = click.option("--loop", default="", metavar="LOOP", help="Only letters of this loop.")
_group = click.option("--group", default="", metavar="FINGERPRINT", help="Only letters of this group.")


@dataclass(frozen=True, slots=True)
class _Choice:
    """The letters that a command is for: those of some numbers, or all of a loop, a group, or the store."""

    numbers: tuple[int, ...]
    loop: str
    group: str
    yes: bool

    async def numbered(self, desk: LetterDesk, deed: str) -> list[DeadLetter] | None:
        """Return the letters of these numbers, None if there are no numbers; a person has agreed to the deed."""
        chosen = [await desk.find(number) for number in self.numbers] if self.numbers else None
        count = await desk.count(self.loop, self.group) if chosen is None else len(chosen)
        confirm(f"{deed} {count:,} dead letters", yes=self.yes or count < 2)
        return chosen


def _choosing(command: F) -> F:
    """Add the flags of commands for chosen letters, handed on as `choice`."""

    @click.argument("numbers", type=click.IntRange(min=1), nargs=-1, metavar="[NUMBER]...")
    @_loop
    @_group
    @click.option("--all", "everything", is_flag=True, help="All letters.")
    @click.option("--yes", is_flag=True, help="Do not ask.")
    @functools.wraps(command)
    def wrapper(numbers: tuple[int, ...], loop: str, group: str, everything: bool, yes: bool, **kwargs: Any) -> Any:
        if numbers and (loop or group or everything):
            raise Misuse("name letters by their numbers, or by --loop and --group, or take --all")
        if everything and (loop or group):
            raise Misuse("--all stands for itself: leave out --loop and --group")
        if not (numbers or loop or group or everything):
            raise Misuse("say which letters: their numbers, --loop, --group or --all")
        return command(choice=_Choice(tuple(dict.fromkeys(numbers)), loop, group, yes), **kwargs)

    return wrapper  # type: ignore[return-value]


@click.group()
def dead() -> None:
    """List, show, edit, replay, purge and export dead letters."""


@dead.command("list")
@_loop
@_group
@click.option("--letters", is_flag=True, help="Each letter; without it, and without --group, their groups.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Most letters.")
@click.option("--before", type=click.IntRange(min=1), help="Only letters with a lower number than this.")
@store_options
def list_letters(
    folder: Path, flags: Flags, as_json: bool, loop: str, group: str, letters: bool, limit: int, before: int | None
) -> None:
    """List the groups of dead letters, or the letters, the newest first."""
    with results() as out:
        if group or letters or before:
            found = _at_desk(folder, flags, lambda desk: _newest(desk, loop, group, before, limit))
            print_found(out, as_json, {"letters": [letter.as_dict() for letter in found]}, letter_lines(found))
        else:
            groups = _at_desk(folder, flags, lambda desk: desk.groups())
            groups = [each for each in groups if loop in ("", each.loop)]
            print_found(out, as_json, {"groups": [each.as_dict() for each in groups]}, group_lines(groups))


@dead.command()
@click.argument("number", type=click.IntRange(min=1))
@store_options
def show(folder: Path, flags: Flags, as_json: bool, number: int) -> None:
    """Show all that is known of a dead letter."""
    with results() as out:
        letter = _at_desk(folder, flags, lambda desk: desk.find(number))
        print_found(out, as_json, letter.as_dict(), [letter_text(letter)])


@dead.command()
@click.argument("number", type=click.IntRange(min=1))
@click.option(
    "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change one key; the value is JSON, or text."
)
@click.option("--payload", metavar="JSON", help="The whole payload: JSON, @file, or - for standard input.")
@click.option("--item", "whole", is_flag=True, help="Not what the failed node gets, but the item of the iteration.")
@store_options
def edit(
    folder: Path, flags: Flags, as_json: bool, number: int, changes: tuple[str, ...], payload: str | None, whole: bool
) -> None:
    """Change the payload of a dead letter before it is replayed."""
    if not changes and payload is None:
        raise Misuse("say what to change, with --set KEY=VALUE or --payload @file")
    given = None if payload is None else json_object(payload)
    pairs = dict(map(_pair, changes))

    async def change(desk: LetterDesk) -> DeadLetter:
        letter = await desk.find(number)
        before = letter.whole if whole else letter.payload
        after = (before if given is None else given) | pairs
        return await (desk.edit(letter, item=after) if whole else desk.edit(letter, payload=after))

    with results() as out:
        letter = _at_desk(folder, flags, change)
        print_found(
            out, as_json, letter.as_dict(), [f"letter {number} is changed; to run it: flowtui dead replay {number}"]
        )


@dead.command()
@_choosing
@click.option(
    "--from-start",
    "--from-queue",
    "from_start",
    is_flag=True,
    help="Run all of the iteration again, also what has succeeded; an item of a queue goes back to its end.",
)
@store_options
def replay(folder: Path, flags: Flags, as_json: bool, choice: _Choice, from_start: bool) -> int:
    """Run dead letters again, each from the node that failed; exit 1 if one cannot be.

    They go only when what was left of them has been done. A running engine begins at once, else the next one does.
    """
    plans = _plans(folder)

    async def work(desk: LetterDesk) -> ReplayAnswer:
        chosen = await choice.numbered(desk, "replay")
        if chosen is None:
            return await desk.replay_all(choice.loop, choice.group, from_start=from_start)
        return await desk.replay(chosen, from_start=from_start)

    with results() as out:
        answer = _at_desk(folder, flags, work, plans)
        print_found(out, as_json, answer.as_dict(), answer_lines(answer))
    return 1 if answer.refused else 0


@dead.command()
@_choosing
@store_options
def purge(folder: Path, flags: Flags, as_json: bool, choice: _Choice) -> None:
    """Remove dead letters for good."""

    async def work(desk: LetterDesk) -> int:
        chosen = await choice.numbered(desk, "purge")
        return await (desk.purge(choice.loop, choice.group) if chosen is None else desk.remove(chosen))

    with results() as out:
        count = _at_desk(folder, flags, work)
        print_found(
            out, as_json, {"purged": count}, [f"{count:,} dead {'letter' if count == 1 else 'letters'} removed"]
        )


@dead.command()
@_loop
@_group
@store_options
def export(folder: Path, flags: Flags, as_json: bool, loop: str, group: str) -> None:
    """Print dead letters as JSON lines, the oldest first, with or without --json."""

    async def work(desk: LetterDesk) -> None:
        async for page in desk.pages(loop, group):
            out.writelines(json.dumps(letter.as_dict()) + "\n" for letter in page)

    with results() as out:
        _at_desk(folder, flags, work)


def _at_desk(
    folder: Path,
    flags: Flags,
    work: Callable[[LetterDesk], Awaitable[T]],
    plans: dict[str, ExecutionPlan] | None = None,
) -> T:
    secrets = Secrets(os.environ)
    return work_in(existing_store(folder, flags), lambda store: work(LetterDesk(store.dead_letters(), plans, secrets)))


def _plans(folder: Path) -> dict[str, ExecutionPlan] | None:
    """Return the loops of the folder; None if there is none, or if something in it is broken."""
    if not folder.is_dir():
        return None
    loaded = load_folder(folder, os.environ)
    if any(problem.severity is Severity.ERROR for problem in loaded.problems):
        return None
    return {plan.loop: plan for workflow in loaded.workflows for plan in workflow.plans}


async def _newest(desk: LetterDesk, loop: str, group: str, before: int | None, limit: int) -> list[DeadLetter]:
    found: list[DeadLetter] = []
    while len(found) < limit:
        page = await desk.page(loop, group, found[-1].number if found else before, limit - len(found))
        if not page:
            break
        found += page
    return found


def _pair(text: str) -> tuple[str, Any]:
    key, is_there, value = text.partition("=")
    if not is_there or not key:
        raise Misuse(f"write --set KEY=VALUE, not {text!r}")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
