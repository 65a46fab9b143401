"""How much is sent to the terminal, and that it adds up to the right picture. Bytes are exact, so they are asserted."""

from __future__ import annotations

import pytest
from crowds import fifty_loops
from fake_client import NOW, FakeClient, a_busy_afternoon, chatter
from textual.pilot import Pilot
from wire import Body, Wire, run_on_the_wire

from flowtui.model.preferences import USUAL, Preferences


def on_the_wire(
    monkeypatch: pytest.MonkeyPatch, body: Body, size: tuple[int, int] = (120, 40), preferences: Preferences = USUAL
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")  # the dearest kind
    monkeypatch.delenv("NO_COLOR", raising=False)
    client = FakeClient(a_busy_afternoon())
    chatter(client, 100)
    run_on_the_wire(client, body, size, preferences)


def test_an_unchanged_snapshot_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, _pilot: Pilot[None]) -> None:
        for _ in range(8):
            await wire.settle()
        assert len(wire.take()) <= 200

    on_the_wire(monkeypatch, body)


def test_a_new_snapshot_with_the_same_figures_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, _pilot: Pilot[None]) -> None:
        for tick in range(8):
            wire.client.change(taken_at=NOW + tick / 8, uptime_s=8041.0 + tick / 8)
            await wire.settle()
        assert len(wire.take()) <= 200

    on_the_wire(monkeypatch, body)


def test_one_changed_cell_sends_less_than_400_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, _pilot: Pilot[None]) -> None:
        wire.client.change_loop("orders.fulfil", rate=58.0)
        await wire.settle()
        sent = wire.take()
        assert b"58" in sent
        assert len(sent) < 100
        wire.is_what_the_app_means()

    on_the_wire(monkeypatch, body)


def test_a_step_of_the_cursor_sends_two_rows_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, pilot: Pilot[None]) -> None:
        await pilot.press("tab", "tab")
        await wire.settle()
        wire.take()
        await pilot.press("j")
        await wire.settle()
        assert 0 < len(wire.take()) < 2000

    on_the_wire(monkeypatch, body)


def test_the_focus_sends_frames_not_the_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, pilot: Pilot[None]) -> None:
        await pilot.press("tab")
        await wire.settle()
        assert 0 < len(wire.take()) < 6000
        wire.is_what_the_app_means()

    on_the_wire(monkeypatch, body)


def test_differences_add_up_to_the_right_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, pilot: Pilot[None]) -> None:
        await pilot.press("ctrl+l")
        await wire.settle()
        wire.take()
        wire.is_what_the_app_means()
        keys = [
            "j",
            "tab",
            "j",
            "z",
            "z",
            "question_mark",
            "j",
            "escape",
            "v",
            "escape",
            "slash",
            "o",
            "enter",
            "escape",
            "tab",
        ]
        wire.is_as_coloured_as_the_app_means()
        for turn, key in enumerate([*keys, "colon", "escape", "q", "n", "shift+tab", "k", "pageup", "G"]):
            await pilot.press(key)
            chatter(wire.client, 3)
            wire.client.change_loop(
                "mail.outbox", rate=0.3 * turn, errors=turn, history=tuple(float(n % 5) for n in range(turn))
            )
            wire.client.change(taken_at=NOW + 17 * turn)
            await wire.settle()
            wire.take()
            wire.is_what_the_app_means()
            if turn % 6 == 0:
                wire.is_as_coloured_as_the_app_means()

    on_the_wire(monkeypatch, body)


@pytest.mark.parametrize(
    ("preferences", "frames", "most"),
    [
        (USUAL, 4, 8_000),
        (Preferences(theme="dark", low_bandwidth=True), 1, 1_500),
        (Preferences(low_bandwidth=True), 1, 1_000),
    ],
    ids=["usual", "low", "low-plain"],
)
def test_a_second_of_fifty_changing_loops_costs_so_much(
    monkeypatch: pytest.MonkeyPatch, preferences: Preferences, frames: int, most: int
) -> None:
    async def body(wire: Wire, _pilot: Pilot[None]) -> None:
        wire.client.shown = fifty_loops(0)
        await wire.settle()
        wire.take()
        seconds = 12 if frames == 1 else 3
        for tick in range(frames * seconds):
            wire.client.shown = fifty_loops((tick + 1) * 4 // frames)
            await wire.settle()
        assert 0 < len(wire.take()) / seconds <= most
        wire.is_what_the_app_means()

    on_the_wire(monkeypatch, body, preferences=preferences)


def test_ctrl_l_paints_all_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def body(wire: Wire, pilot: Pilot[None]) -> None:
        wire.screen.reset()
        await pilot.press("ctrl+l")
        await wire.settle()
        wire.take()
        wire.is_what_the_app_means()

    on_the_wire(monkeypatch, body)
