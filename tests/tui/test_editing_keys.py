"""`e`: what it opens, in which editor, and what it says when it cannot."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from fake_client import NOW, FakeClient, a_group, a_loop, a_node, a_queue, a_snapshot
from running import running

from flowtui.model.access import READ_ONLY
from flowtui.model.development import SourcePlace
from flowtui.model.errors import FlowtuiError, Problem
from flowtui.model.log_lines import LogLine
from flowtui.tui.editing import chosen_code, editor_command


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "my nodes.py"
    path.touch()
    return path


@pytest.mark.parametrize(
    ("editor", "line", "place"),
    [
        *[(name, ["+7", "FILE"], ["+7", "FILE"]) for name in ("vi", "joe", "mg")],
        *[(name, ["+7", "FILE"], ["+call cursor(7,3)", "FILE"]) for name in ("vim", "nvim")],
        *[(name, ["+7", "FILE"], ["+7,3", "FILE"]) for name in ("nano", "ne")],
        *[(name, ["+7", "FILE"], ["+7:3", "FILE"]) for name in ("emacs", "emacsclient", "micro", "kak")],
        *[(name, ["FILE:7:1"], ["FILE:7:3"]) for name in ("helix", "hx")],
        ("code", ["--wait", "-g", "FILE:7:1"], ["--wait", "-g", "FILE:7:3"]),
        ("code --wait", ["-g", "FILE:7:1"], ["-g", "FILE:7:3"]),
        ("other -x", ["FILE"], ["FILE"]),
    ],
)
def test_each_editor_is_told_the_line_in_its_own_way(
    file: Path, editor: str, line: list[str], place: list[str]
) -> None:
    for column, wanted in ((0, line), (3, place)):
        for written in (editor, f"/usr/bin/{editor}"):
            command = editor_command(SourcePlace(file, 7, column), {"EDITOR": written})
            assert command == [*written.split(), *(word.replace("FILE", str(file)) for word in wanted)]


def test_a_place_without_line_is_the_file(file: Path) -> None:
    for editor in ("vim", "hx", "other"):
        assert editor_command(SourcePlace(file), {"EDITOR": editor}) == [editor, str(file)]


def test_visual_comes_before_editor_and_both_before_what_is_installed(file: Path, tmp_path: Path) -> None:
    for name in ("vim", "vi"):
        (tmp_path / name).touch(0o755)
    env = {"PATH": str(tmp_path), "VISUAL": "'my editor' -n", "EDITOR": "ed"}
    assert editor_command(SourcePlace(file), env) == ["my editor", "-n", str(file)]
    assert editor_command(SourcePlace(file), env | {"VISUAL": " "}) == ["ed", str(file)]
    assert editor_command(SourcePlace(file), {"PATH": str(tmp_path)}) == ["vim", str(file)]
    with pytest.raises(FlowtuiError, match="no editor is set: set VISUAL or EDITOR to yours"):
        editor_command(SourcePlace(file), {"PATH": str(file)})
    with pytest.raises(FlowtuiError, match="EDITOR is no command"):
        editor_command(SourcePlace(file), {"EDITOR": "vim 'x"})


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    for path, told in ((tmp_path, "is a folder"), (tmp_path / "x", "is gone")):
        with pytest.raises(FlowtuiError, match=told):
            editor_command(SourcePlace(path), {"EDITOR": "vim"})


def test_every_row_that_belongs_to_code_says_so() -> None:
    loop, group = a_loop("a.one"), a_group("a.one", "check", "ValueError", "no", 3, NOW)
    for row, wanted in (
        (Problem(Path("w.yaml"), 7, 3, "bad", "bad"), SourcePlace(Path("w.yaml"), 7, 3)),
        (loop, ("a.one", "")),
        (a_node("check"), ("a.one", "check")),
        (group, ("a.one", "check")),
        (LogLine(1, NOW, 20, "a.one", "check", "", "text"), ("a.one", "check")),
        (LogLine(1, NOW, 20, "", "", "", "flowtui's own"), None),
        (a_queue("a.q"), None),
        (None, None),
    ):
        assert chosen_code(row, loop) == wanted


class WithCode(FakeClient):
    """Knows where code stands."""

    def __init__(self, place: SourcePlace, **fields: Any) -> None:
        super().__init__(a_snapshot(a_loop("a.one"), **fields))
        self.places = {("a.one", ""): place, ("a.one", "one"): place}


async def test_without_a_terminal_of_its_own_nothing_is_opened(file: Path) -> None:
    async with running(WithCode(SourcePlace(file, 1))) as it:
        await it.press("e")
        assert it.toasts == ["there is no terminal that an editor could have: run flowtui in one"]


async def test_who_may_only_look_edits_nothing(file: Path) -> None:
    async with running(WithCode(SourcePlace(file, 1), access=READ_ONLY)) as it:
        await it.press("enter", "e")
        assert "--read-only" in it.toasts[0]


async def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    async with running(WithCode(SourcePlace(tmp_path / "gone.py", 1), queues=(a_queue("a.q"),))) as it:
        await it.press("e")
        assert it.toasts == [f"{os.path.join(tmp_path, 'gone.py')} is gone: there is nothing to edit"]
        it.client.refusal = FlowtuiError("there is no loop 'a.one'")
        await it.press("e")
        assert it.toasts[-1] == "there is no loop 'a.one'"
        await it.press("tab", "tab", "e")
        assert it.toasts[-1] == "Choose a loop, a node or a problem to edit."
