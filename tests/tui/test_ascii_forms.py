"""ASCII: every sign has a form of its width, and states are still told apart."""

from __future__ import annotations

import ast
import os
from pathlib import Path

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon, a_loop, a_node, chatter
from rich.cells import cell_len
from running import running

import flowtui.tui
from flowtui.model.states import LoopState, NodeHealth, NodeKind
from flowtui.tui.ascii_forms import FORMS, AsciiForms
from flowtui.tui.surroundings import has_no_screen, wants_ascii
from flowtui.tui.tty_output import TerminalOutput
from flowtui.tui.wording import loop_glyph, node_glyph

SOURCES = sorted(Path(flowtui.tui.__file__).parent.rglob("*.py"))


def drawn_in(path: Path) -> set[str]:
    """All that is not ASCII in the texts of a module, but for its docstrings."""
    tree = ast.parse(path.read_text())
    told = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in told]
    return {char for text in texts if isinstance(text, str) for char in text if not char.isascii()}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_every_sign_that_is_drawn_has_a_form_in_ascii_of_the_same_width(path: Path) -> None:
    if path.stem != "ascii_forms":
        missing = drawn_in(path) - FORMS.keys()
        assert not missing, f"give {missing} a form in tui/ascii_forms.py"


def test_every_form_is_ascii_and_as_wide_as_its_sign() -> None:
    for sign, form in FORMS.items():
        assert form.isascii()
        assert len(form) == cell_len(sign), sign


def test_states_have_different_forms() -> None:
    ascii = AsciiForms()
    loops = [a_loop("a.b", state=state) for state in LoopState] + [a_loop("a.b", waiting="no input", waiting_since=0.0)]
    signs = {loop_glyph(loop, NOW)[0] for loop in loops}
    assert len({sign.translate(ascii) for sign in signs}) == len(signs)
    for kind in (NodeKind.BLOCKING, NodeKind.CONDITIONAL):
        signs = {node_glyph(a_node("n", kind=kind, health=health))[0] for health in NodeHealth}
        assert len({sign.translate(ascii) for sign in signs}) == len(signs)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("Zoë für ½", "Zoe fur ?"),
        ("日本", "????"),
        ("ＡＢ", "A B "),
        ("a\u0301", "a"),
        ("🙂", "??"),
        ("plain", "plain"),
    ],
)
def test_peoples_letters_lose_their_marks_and_keep_their_width(text: str, form: str) -> None:
    shown = text.translate(AsciiForms())
    assert shown == form
    assert len(shown) == cell_len(text)


async def test_every_screen_is_as_wide_in_ascii_as_it_is_and_nothing_that_is_ours_is_lost() -> None:
    client = FakeClient(a_busy_afternoon())
    chatter(client, 30)
    ours = AsciiForms()
    async with running(client) as it:
        for keys in ("1", "2", "3", "4", "5", "6", "question_mark", "escape"):
            await it.press(keys)
            for line in it.text.splitlines():
                assert len(line.translate(ours)) == cell_len(line)


def test_a_terminal_that_takes_ascii_gets_nothing_else() -> None:
    read_end, write_end = os.pipe()
    output = TerminalOutput(write_end, AsciiForms())
    output.write("\x1b[3;4H▶ Zoë …")
    assert output.drain(10)
    output.end()
    assert os.read(read_end, 100) == b"\x1b[3;4H> Zoe ~"
    assert output.count == 13


@pytest.mark.parametrize(
    ("env", "wanted"),
    [
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "C.UTF-8", "LC_ALL": "C"}, True),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # as Python leaves it behind
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "en_GB.utf8", "TERM": "linux"}, True),
        ({}, True),
    ],
)
def test_ascii_is_wanted_where_the_locale_or_the_terminal_has_nothing_else(env: dict[str, str], wanted: bool) -> None:
    assert wants_ascii(env) is wanted


def test_a_dumb_terminal_has_no_screen() -> None:
    assert has_no_screen({"TERM": "dumb"})
    assert has_no_screen({})
    assert not has_no_screen({"TERM": "screen"})
