"""Whatever is done to the bytes of a file, reading it ends with a workflow or with a problem at a place in the file."""

from __future__ import annotations

import random
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.types import GOOD_FILES, JSON_FILE, every_type
from flowtui.graph.folder import load_folder
from flowtui.model.errors import Problem
from flowtui.workflow.source import parse_source

SEEDS = [path.read_bytes() for path in (*GOOD_FILES, JSON_FILE)]
#: What means something in YAML, JSON or a template, and what is no text at all.
PIECES = (
    *(b"{{", b"}}", b"{%", b"${", b'"', b"'", b"[", b"]", b"{", b"}", b":", b": ", b", ", b"- ", b"? ", b"\n", b"\r"),
    *(b"\t", b"&a ", b"*a", b"!!int ", b"!<x>", b"<<: ", b"#", b" #", b"\\", b"%", b"@", b"`", b"---\n", b"...\n"),
    *(b"|\n", b">\n", b"\xff", b"\x00", b"\xc2\x85", b"\xe2\x80\xa8", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"1e999"),
)


def mangled(data: bytes, dice: random.Random) -> bytes:
    """Return the data with some of its bytes changed, gone, repeated, or new ones between them."""
    result = bytearray(data)
    for _ in range(dice.choice((1, 1, 2, 5))):
        at, kind = dice.randrange(len(result) + 1), dice.random()
        if kind < 0.4:
            result[at:at] = dice.choice(PIECES)
        elif kind < 0.6:
            del result[at : at + dice.randrange(1, 8)]
        elif kind < 0.8:
            result[at : at + 1] = bytes([dice.randrange(256)])
        else:
            result[at:at] = result[max(0, at - 12) : at]
    return bytes(result)


def assert_in_the_file(problem: Problem, data: bytes) -> None:
    lines = re.split("\r\n|\r|\n", data.decode("utf-8-sig", "replace"))
    assert 1 <= problem.line <= len(lines), problem
    assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1, problem
    assert problem.message
    assert problem.message.isprintable()
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", problem.code)


@settings(max_examples=150)
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False), st.sampled_from((".yaml", ".json")))
def test_a_part_of_a_file_with_changed_bytes_is_read_or_refused_at_a_place(data, dice, suffix):
    start = dice.randrange(len(data))
    part = mangled(data[start : start + dice.randrange(1, 600)], dice)
    source, problems = parse_source(Path("w" + suffix), part)
    assert source is not None or problems
    for problem in problems:
        assert_in_the_file(problem, part)


@pytest.mark.parametrize("seed", range(6))
def test_a_whole_file_with_changed_bytes_loads_or_is_refused_at_a_place(seed, tmp_path):
    dice, registry = random.Random(seed), every_type()
    for _ in range(12):
        data = mangled(dice.choice(SEEDS), dice)
        path = tmp_path / dice.choice(("w.yaml", "w.json"))
        path.write_bytes(data)
        loaded = load_folder(tmp_path, {}, registry)
        path.unlink()
        assert loaded.workflows or loaded.problems
        for problem in loaded.problems:
            assert_in_the_file(problem, data)


@settings(max_examples=100)
@given(st.binary(max_size=60), st.sampled_from((".yaml", ".json")))
def test_any_bytes_are_refused_at_a_place(data, suffix):
    source, problems = parse_source(Path("w" + suffix), data)
    assert source is not None or problems
    for problem in problems:
        assert_in_the_file(problem, data)
