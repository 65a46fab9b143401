"""What the inspector asks: which input, which letters, which file, and whether it may."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

from flowtui.model.development import DevRun, Inspection, NodeInput, Origin, Stored
from flowtui.model.letters import DeadLetter
from flowtui.tui import format as fmt
from flowtui.tui.json_text import as_line
from flowtui.tui.run_words import inputs_words, origin_words, result_words, source_words
from flowtui.tui.screens.ask import Option
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.trial import Slot, letter_input

#: What is shown of a payload in a list.
_PAYLOAD_CHARS = 200
_TOO_LONG = 120


class Baseline(NamedTuple):
    """An output to compare with."""

    name: str
    output: Stored


def baselines(run: DevRun, runs: Sequence[DevRun], inspection: Inspection) -> list[Baseline]:
    """Return what a run's output can be compared with: the run before it, what is pinned, what production made."""
    older = itertools.dropwhile(lambda each: each.id != run.id, runs)
    last = next((each for each in itertools.islice(older, 1, None) if each.output is not None), None)
    found = []
    if last is not None and last.output is not None:
        found.append(Baseline(f"run {fmt.clock(last.at)}", last.output))
    if inspection.pinned is not None:
        found.append(Baseline("pinned", inspection.pinned))
    if inspection.production is not None and inspection.production.output is not None:
        found.append(Baseline("production", inspection.production.output))
    return found


class Source(NamedTuple):
    """An input that can be chosen; several of one run are taken together. `letter` is the dead letter that it is of."""

    option: Option
    inputs: tuple[NodeInput, ...]
    letter: DeadLetter | None = None


def source_options(
    inspection: Inspection,
    slots: Sequence[Slot],
    fresh: NodeInput | None,
    letters: Sequence[DeadLetter],
    run: DevRun | None,
    now: float,
) -> list[Source]:
    """Return every input that is at hand: what it began with, pins, cache, samples, letters, a run's."""
    given = [each for each in (fresh, *inspection.choices) if each is not None]
    # Numbers alone do not tell them apart: production counts its letters by itself.
    known = {(letter.number, letter.failed_at): letter for letter in letters}
    there = {(each.letter, each.at) for each in given}
    given += [letter_input(letter) for key, letter in known.items() if key not in there]
    several = len(inspection.upstream) > 1
    sources = [_source(each, known.get((each.letter, each.at)), several=several, now=now) for each in given]
    if run is not None and run.inputs:
        said = f"{inputs_words(run.inputs)}, {result_words(run)}"
        sources.append(Source(Option(f"what the run of {fmt.clock(run.at)} got", said), run.inputs))
    names = [slot.upstream for slot in slots] or [""]
    for name in names:
        of = f" for {name}" if name else ""
        empty = NodeInput(Origin.MOCK, Stored({}), name)
        sources.append(Source(Option(f"an empty object{of}", "to type into"), (empty,)))
    return sources


def _source(given: NodeInput, letter: DeadLetter | None, *, several: bool, now: float) -> Source:
    label = origin_words(given)
    if several and given.upstream and given.upstream not in label:
        label = f"{given.upstream}: {label}"
    detail = source_words(given, now).removeprefix(origin_words(given)).removeprefix(", ")
    whose = "of production" if letter is not None and letter.of_production else ""
    payload = as_line(given.data.payload)[:_PAYLOAD_CHARS]
    stale = f"STALE: {given.stale}" if given.stale else ""
    return Source(Option(label, " · ".join(filter(None, (whose, detail, payload))), stale), (given,), letter)


class Replay(NamedTuple):
    """A way to replay: one letter, edited or not, or all like it."""

    option: Option
    edited: bool = False
    all_like: bool = False


def replay_options(letter: DeadLetter, count: int, *, is_there: bool, is_edited: bool) -> list[Replay]:
    """Return how a letter can be replayed, unless it is gone; `count` is how many there are like it."""
    ways = []
    if is_there and is_edited:
        option = Option(f"letter {letter.number} as edited here", "with what stands in the input")
        ways.append(Replay(option, edited=True))
    if is_there:
        said = "with the payload that failed, from this node on"
        ways.append(Replay(Option(f"letter {letter.number} as it is", said)))
    if count > is_there:
        like = f"all {count}" if count > 1 else "the only one"
        said = f"from {letter.node} on; each with its own payload"
        ways.append(Replay(Option(f"{like} like it", said), all_like=True))
    return ways


def ask_save(inspection: Inspection, changed: Sequence[str]) -> ConfirmScreen:
    """Return the question before a config is written to a file whose loops run."""
    place = f"{inspection.path.name}:{inspection.line}"
    question = (
        f"Write {', '.join(changed)} of {inspection.node} to {place}? The rest of the file stays as it is. "
        f"{inspection.loop} takes it over at once."
    )
    return ConfirmScreen("Save to production", question, "yes, write the file")


def ask_leave(node: str, what: str) -> ConfirmScreen:
    """Return the question before something that was typed is lost."""
    return ConfirmScreen(f"Leave {node}", f"{what} and will be lost. Leave?", "yes, leave and lose it")


def case_name(run: DevRun) -> str:
    """Return what a test case of a run may be called."""
    if run.failure is not None:
        return f"{run.node} fails with {run.failure.error}"
    return (
        f"{run.node} takes port {run.port}" if run.port else f"{run.node} hands on what it did at {fmt.clock(run.at)}"
    )


def name_refusal(name: str) -> str:
    """Return why a test case cannot have this name, empty if it can."""
    if not name:
        return "it needs a name"
    return "" if len(name) <= _TOO_LONG else f"it is longer than {_TOO_LONG} characters"


def file_name(node: str, what: str) -> str:
    """Return where data of a node may be saved."""
    return f"{node}-{what}.json"
