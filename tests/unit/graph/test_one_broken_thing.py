"""A mutator breaks one thing in a good file, and knows where and what: that is reported, and nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from corpus import of_edges, of_fields, of_text
from corpus.broken import MUTATIONS, Broken, spread
from corpus.of_json import broken_json
from corpus.outline import Good
from corpus.types import GOOD_FILES, JSON_FILE, every_type
from flowtui.graph.folder import load_folder
from flowtui.model.errors import Problem
from flowtui.workflow.source import read_source

FILES = [Good(path) for path in GOOD_FILES]
#: The modules whose mutations are to run; importing them adds these to `MUTATIONS`.
KINDS = (of_fields, of_edges, of_text)


@pytest.fixture(scope="module")
def problems_of(tmp_path_factory):
    """Write a file and load it; return its problems."""
    folder, registry = tmp_path_factory.mktemp("broken"), every_type()

    def load(text: str, name: str = "w.yaml") -> tuple[Problem, ...]:
        (folder / name).write_text(text)
        found = load_folder(folder, {}, registry).problems
        (folder / name).unlink()
        return found

    return load


def broken_by(name: str) -> list[tuple[Good, Broken]]:
    return [(good, broken) for good in FILES for broken in spread(list(MUTATIONS[name](good)))]


def differences(broken: Broken, found: tuple[Problem, ...]) -> str:
    """What is not as the mutator says, empty if all is."""
    told = "\n".join(f"    {problem}" for problem in found)
    places = [(problem.line, problem.column, problem.code) for problem in found]
    wanted = sorted((fault.line, fault.column, fault.code) for fault in broken.faults)
    same = len(places) == len(wanted) and all(
        line == at_line and code == at_code and column in (0, at_column)
        for (line, column, code), (at_line, at_column, at_code) in zip(wanted, places, strict=True)
    )
    if not same:
        return f"{broken.what}: wanted {wanted}, found\n{told}"
    first = found[0].message
    if broken.says not in first or "\n" in first or first.endswith("."):
        return f"{broken.what}: wanted {broken.says!r} in\n{told}"
    return ""


@pytest.mark.parametrize("good", FILES, ids=lambda good: good.name)
def test_the_files_that_are_to_be_broken_are_good_and_the_mutator_sees_where_things_stand(good, problems_of):
    assert problems_of(good.text) == ()
    source, _ = read_source(next(path for path in GOOD_FILES if path.name == good.name))
    assert {entry.path for entry in good.entries} == source.values.keys() - {()}
    assert all(source.values[entry.path] == (entry.line, entry.column) for entry in good.entries if entry.raw)


@pytest.mark.parametrize("name", MUTATIONS)
def test_what_a_mutation_broke_is_reported_at_its_place_and_nothing_else(name, problems_of):
    all_broken = broken_by(name)
    assert all_broken, "the mutation found nothing to break"
    wrong = [
        f"{good.name}: {text}" for good, broken in all_broken if (text := differences(broken, problems_of(broken.text)))
    ]
    assert not wrong, "\n".join(wrong)


def test_json_is_treated_alike(problems_of):
    text = JSON_FILE.read_text()
    assert problems_of(text, "w.json") == ()
    wrong = [differences(broken, problems_of(broken.text, "w.json")) for broken in broken_json(text)]
    assert not any(wrong), "\n".join(filter(None, wrong))


def test_there_are_hundreds_of_broken_files_of_every_kind():
    made = {(good.name, broken.text) for name in MUTATIONS for good, broken in broken_by(name)}
    assert len(made) >= 300
    assert {Path(kind.__file__).stem for kind in KINDS} == {
        make.__module__.split(".")[-1] for make in MUTATIONS.values()
    }
    codes = {fault.code for name in MUTATIONS for _, broken in broken_by(name) for fault in broken.faults}
    assert len(codes) >= 30, sorted(codes)


def test_a_broken_file_that_nobody_reports_would_be_noticed(problems_of):
    good = FILES[0]
    unbroken = Broken("nothing", good.text, next(MUTATIONS["a_misspelt_type"](good)).faults, "")
    assert "found" in differences(unbroken, problems_of(good.text))
    assert re.search(r"wanted \[\(\d+, \d+, 'unknown-node'\)\]", differences(unbroken, ()))
