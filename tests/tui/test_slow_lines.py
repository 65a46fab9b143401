"""Slow lines: what is sent is counted, and as little as possible is sent if that is wanted."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_client import NOW, FakeClient, a_busy_afternoon, a_loop, a_node, a_queue, a_snapshot, chatter
from running import running

from flowtui.model.preferences import Preferences
from flowtui.tui.calming import Calm
from flowtui.tui.clipboard import sequences
from flowtui.tui.pace import Pace
from flowtui.tui.traffic import Traffic


class Wire:
    """A clock, and how much has been sent."""

    def __init__(self) -> None:
        self.now, self.sent, self.behind = 100.0, 0, False
        self.traffic = Traffic(lambda: self.sent, lambda: self.behind, lambda: self.now)

    def second(self, count: int) -> str:
        self.now += 1.0
        self.sent += count
        self.traffic.look()
        return self.traffic.words


def test_the_figure_is_a_mean_that_stays_while_it_says_nothing_new() -> None:
    wire = Wire()
    assert wire.traffic.words == "<0.1 kB/s"
    assert [wire.second(1200) for _ in range(4)] == [" 1.2 kB/s"] * 4
    assert wire.second(1300) == " 1.2 kB/s"
    assert [wire.second(30_000) for _ in range(4)][-1] == "  30 kB/s"
    assert [wire.second(0) for _ in range(4)][-1] == "<0.1 kB/s"
    # What showing the figure costs does not change it.
    assert [wire.second(40) for _ in range(4)] == ["<0.1 kB/s"] * 4


def test_a_reading_is_taken_once_a_second() -> None:
    wire = Wire()
    wire.sent, wire.now = 5000, 100.5
    assert not wire.traffic.look()
    wire.now = 101.0
    assert wire.traffic.look()


def test_ten_chatty_seconds_or_three_in_which_it_stays_behind_are_too_much() -> None:
    chatty, slow = Wire(), Wire()
    for _ in range(9):
        chatty.second(6000)
    assert not chatty.traffic.is_too_much
    chatty.second(6000)
    assert chatty.traffic.is_too_much
    slow.behind = True
    slow.second(10)
    slow.second(10)
    assert not slow.traffic.is_too_much
    slow.second(10)
    assert slow.traffic.is_too_much


def test_figures_stay_until_they_say_something_new_and_errors_are_exact() -> None:
    calm = Calm()
    loop = a_loop("a.b", rate=41.37, p95_ms=3.14, errors=7, iterations=123456, in_flight=12, history=(1.0, 2.0))
    first = calm.calmed(a_snapshot(loop, queues=(a_queue("q", depth=1234, oldest_s=3.0),))).loops[0]
    assert (first.rate, first.p95_ms, first.errors, first.iterations) == (41.0, 3.1, 7, 120_000)
    later = replace(loop, rate=44.0, p95_ms=3.3, errors=8, history=(9.0, 9.0))
    shown = calm.calmed(a_snapshot(later, taken_at=NOW + 3, queues=(a_queue("q", depth=1300, oldest_s=4.9),)))
    assert (shown.loops[0].rate, shown.loops[0].p95_ms, shown.loops[0].errors) == (41.0, 3.1, 8)
    assert shown.loops[0].history == (1.0, 2.0)
    assert (shown.queues[0].depth, shown.queues[0].oldest_s) == (1200, 5.0)
    much_later = replace(loop, rate=46.0, history=(9.0, 9.0))
    shown = calm.calmed(a_snapshot(much_later, taken_at=NOW + 30, queues=(a_queue("q"),)))
    assert (shown.loops[0].rate, shown.loops[0].history, shown.queues[0].depth) == (46.0, (9.0, 9.0), 0)


def test_nothing_is_remembered_of_what_is_gone() -> None:
    calm = Calm()
    calm.calmed(a_snapshot(a_loop("a.b", rate=41.0, nodes=(a_node("n", rate=5.0),))))
    calm.calmed(a_snapshot())
    assert calm.calmed(a_snapshot(a_loop("a.b", rate=42.0))).loops[0].rate == 42.0


def test_a_pace_is_told_between_two_looks() -> None:
    now = [0.0]
    pace = Pace(lambda: now[0])
    now[0] = 2.0
    pace.look(30, 3.0)
    assert pace.rate == 0.0
    now[0] = 3.0
    pace.look(60, 3.0)
    assert pace.rate == 20.0


async def test_low_bandwidth_can_be_had_and_left_at_once() -> None:
    client = FakeClient(a_busy_afternoon())
    chatter(client, 5)
    async with running(client, preferences=Preferences(low_bandwidth=True)) as it:
        assert it.app.theme == "terminal"
        assert it.app.line.refresh == 1.0
        client.change_loop("orders.fulfil", rate=43.0)
        await it.settle()
        assert " 41 " in it.line_with("orders.fulfil")
        assert "lines/s" in it.text
        await it.app.run_action("low_bandwidth")
        await it.settle()
        assert it.app.line.refresh == 4.0
        assert " 43 " in it.line_with("orders.fulfil")
        assert "lines/s" not in it.text


class Counted:
    """A terminal that only counts."""

    count, is_behind = 0, False


async def test_the_hint_comes_once_over_ssh_and_the_figure_goes_and_comes_with_its_key(monkeypatch) -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        monkeypatch.setenv("SSH_CONNECTION", "192.0.2.1 50000 192.0.2.2 22")
        wire = Wire()
        from_afar = type(it.app.line)(it.app, Preferences(), Counted(), {"SSH_CONNECTION": "x"})
        from_afar._traffic = wire.traffic
        it.app.line = from_afar
        assert "kB/s" not in it.text
        for _ in range(12):
            wire.second(6000)
            await it.settle()
        assert [toast for toast in it.toasts if "--lowbw" in toast] == [from_afar_hint()]
        assert it.text.splitlines()[-1].rstrip().endswith("6.0 kB/s ^")
        await it.press("circumflex_accent")
        assert "kB/s" not in it.text
        await it.press("circumflex_accent", "3")
        assert it.text.splitlines()[-1].rstrip().endswith("6.0 kB/s ^")
        await it.resize(80, 24)
        assert "kB/s" in it.text


def from_afar_hint() -> str:
    return "This line has a lot to carry: “low bandwidth” in the palette, or --lowbw, sends a tenth."


@pytest.mark.parametrize(
    ("env", "wrapped"),
    [
        ({"TERM": "xterm-256color"}, []),
        ({"TERM": "tmux-256color"}, ["\x1bPtmux;\x1b\x1b]52;c;WsO2ZQ==\a\x1b\\"]),
        ({"TERM": "screen", "TMUX": "/tmp/x"}, ["\x1bPtmux;\x1b\x1b]52;c;WsO2ZQ==\a\x1b\\"]),
        ({"TERM": "screen.xterm", "STY": "1.pts"}, ["\x1bP\x1b]52;c;WsO2ZQ==\a\x1b\\"]),
    ],
)
def test_copied_text_is_told_as_it_is_and_as_what_is_between_passes_it_on(env, wrapped) -> None:
    assert [*sequences("Zöe", env)] == ["\x1b]52;c;WsO2ZQ==\a", *wrapped]


def test_what_is_copied_through_screen_comes_in_short_pieces() -> None:
    plain, *pieces = sequences("x" * 1000, {"TERM": "screen"})
    assert all(len(piece) <= 256 for piece in pieces)
    assert "".join(piece[2:-2] for piece in pieces) == plain
