"""The text of a dead letter: whatever a node's data is, it can be written, and it says what is not all there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flowtui.model.data import Meta, NodeData
from flowtui.model.letters import DeadLetter, ReplayAnswer, restored, stored

LETTER = DeadLetter("i", "w.l", "n", "r", {"a": 1}, "t", 1, "E", "m", "tb", "f", 1.5)


class Unreadable:
    def __repr__(self) -> str:
        raise ValueError("no")


@pytest.mark.parametrize(
    ("parts", "inexact"),
    [
        ({"payload": {"x": {1, 2}}}, ("payload",)),
        ({"payload": {("a", 1): 2}}, ("payload",)),
        ({"item": {"x": Unreadable()}}, ("item",)),
        ({"upstream": {"n": {"payload": {"x": 1j}}}, "by": {"n": {"payload": {"x": b""}}}}, ("by", "upstream")),
    ],
)
def test_what_json_cannot_hold_is_shown_and_named(parts: dict[str, Any], inexact: tuple[str, ...]) -> None:
    read = DeadLetter.from_json(replace(LETTER, **parts).to_json())
    assert read.inexact == inexact
    untouched = {name: getattr(LETTER, name) for name in ("payload", "item", "by", "upstream") if name not in parts}
    assert {name: getattr(read, name) for name in untouched} == untouched


def test_a_letter_of_a_version_with_other_fields_can_be_read() -> None:
    text = LETTER.to_json().replace(b'"id":"i"', b'"id":"i","later":[1]').replace(b'"replays":0,', b"")
    assert DeadLetter.from_json(text) == LETTER


def test_data_of_nodes_comes_back_with_the_branches_that_it_was_merged_from() -> None:
    meta = Meta("t", "w.o", 3)
    left = NodeData({"l": 1}, "i", meta)
    data = NodeData({"l": 1, "r": 2}, "own", meta, {"left": left, "right": NodeData({"r": 2}, "i", meta, {"x": left})})
    again = restored(stored(data, "i"), NodeData({}, "i", meta))
    assert (again, again.by, again.meta) == (data, data.by, meta)
    assert again.by["right"].by == {"x": left}


def test_answers_are_added_up_and_each_revision_is_told_once() -> None:
    total = ReplayAnswer(1, 2, ("a",), ("r",)) + ReplayAnswer(10, 20, ("b",), ("r", "s"))
    assert total == ReplayAnswer(11, 22, ("a", "b"), ("r", "s"))
