"""Terminals that can do little, or shall."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from terminal_child import TerminalChild

from flowtui.model.errors import FlowtuiError
from flowtui.tui.terminal import Terminal
from warm_python import WarmPython


def test_a_plain_terminal_is_sent_ascii_alone_and_not_asked_for_its_mouse(
    tmp_path: Path, warm_screen: WarmPython
) -> None:
    app = TerminalChild(tmp_path, "fifty", 120, 40, warm_screen, prefer=("ascii", "-mouse", "low_bandwidth"))
    try:
        app.wait_for(lambda text: "+ Loops -" in text and "> flow1.loop-01" in text and "kB/s ^" in text)
        app.type("^")
        app.wait_for(lambda text: "kB/s" not in text)
        app.type("q")
        app.wait_for(lambda text: "50 loops are not stopped" in text)
        app.type("y")
        assert app.exit_code() == 0
        assert app.sent.isascii()
        assert b"\x1b[?1000h" not in app.sent
    finally:
        app.close()


def test_a_terminal_on_which_no_cursor_can_be_placed_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setattr(os, "isatty", lambda _: True)
    with pytest.raises(FlowtuiError, match="TERM=dumb names no terminal that can show a screen: set it"):
        Terminal(print).__enter__()
