"""What users, payloads and files say is shown, never obeyed: on every screen, at every size."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from fake_client import NOW, FakeClient, a_group, a_loop, a_node, a_queue, a_snapshot
from textual.pilot import Pilot
from wire import Wire, run_on_the_wire

from flowtui.model.errors import Problem
from flowtui.model.snapshot import EngineSnapshot, GroupView, StoreView
from flowtui.model.states import LoopState, NodeHealth, NodeKind

#: Colours, a window's title, the bell, the 8-bit introducer, markup, bidi overrides, wide and combining characters, a
#: family that some terminals join, a flag, ends of lines, half of a surrogate pair.
HOSTILE = (
    "a\x1b[31;5;7mb\x1b]0;owned\x07c\x9b7md [red]e[/red] [@click=app.quit]f[/] \u202eg\u2066h\u200f "
    "日本i e\u0301 👩‍👧 🇩🇪 \r\n\t\x00\x7f\u2028\udc80 end"
)
#: What the app itself may send: colours, places, modes of the terminal, the pointer's shape.
_OWN = re.compile(rb"\x1b\[(?:[0-9;]*m|[0-9]+C|[0-9]+;[0-9]+H|[?>=<][0-9;]*[a-zA-Z])|\x1b\]22;[a-z-]*\x07")
_SCREENS = ("1", "2", "3", "4", "5", "6")


def hostile_snapshot() -> EngineSnapshot:
    """Return a snapshot in which every text is hostile."""
    nodes = (
        a_node("p" + HOSTILE, HOSTILE, kind=NodeKind.PRODUCER, title=HOSTILE),
        a_node("if" + HOSTILE, HOSTILE, kind=NodeKind.CONDITIONAL, ports=((HOSTILE, 3), ("no", 1))),
        a_node(
            "n" + HOSTILE,
            HOSTILE,
            health=NodeHealth.FAILING,
            last_error=HOSTILE,
            needs=(("p" + HOSTILE, ""), ("if" + HOSTILE, HOSTILE)),
            queue=HOSTILE,
        ),
        a_node("r" + HOSTILE, retrying=HOSTILE, health=NodeHealth.RETRYING),
    )
    loop = a_loop(HOSTILE + ".x", state=LoopState.FAILED, reason=HOSTILE, pool=HOSTILE, nodes=nodes, reads=HOSTILE)
    waits = a_loop("w." + HOSTILE, waiting=HOSTILE, waiting_since=NOW - 60, nodes=nodes, writes=(HOSTILE,))
    orphan = GroupView(HOSTILE, 3, is_orphan=True)
    queue = a_queue(HOSTILE, readers=(HOSTILE,), writers=(HOSTILE,), groups=(orphan,), depth=7)
    problem = Problem(Path("/home/ana/flows") / f"{HOSTILE}.yaml", 14, 7, HOSTILE, "unknown-node")
    return a_snapshot(
        loop,
        waits,
        folder=Path("/home/ana") / HOSTILE,
        store=StoreView("redis", HOSTILE, True, ""),
        queues=(queue, replace(queue, name="q" + HOSTILE, unaccounted=1)),
        dead_letters=(a_group(loop.id, HOSTILE, HOSTILE, HOSTILE, 12, NOW - 190),),
        dead_total=12,
        problems=(problem,),
        last_reload=HOSTILE,
    )


def is_harmless(sent: bytes) -> None:
    """Check that nothing was sent but text and what the app itself has for the terminal."""
    text = _OWN.sub(b"", sent).decode()
    assert [char for char in text if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0] == []
    assert not set(text) & set("\u202e\u2066\u200f\u200d\u2028")
    assert b"\x1b[31;5;7m" not in sent


def is_aligned(wire: Wire, width: int) -> None:
    """Check that every line has the width of the screen, and the terminal shows what the app means."""
    strips = wire.app.screen._compositor.render_strips()
    assert {strip.cell_length for strip in strips} == {width}
    wire.is_what_the_app_means()


@pytest.mark.parametrize("size", [(120, 40), (60, 18)], ids=["large", "small"])
def test_on_every_screen_text_is_shown_and_not_obeyed(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    client = FakeClient(hostile_snapshot())
    for number in range(30):
        client.log(HOSTILE + str(number), HOSTILE, HOSTILE)

    async def body(wire: Wire, pilot: Pilot[None]) -> None:
        for digit in _SCREENS:
            await wire.press(digit)
            await wire.settle()
            await wire.settle()
            is_harmless(wire.take())
            is_aligned(wire, size[0])
            for key in ("enter", "escape"):  # all about what is chosen
                await wire.press(key)
                await wire.settle()
                is_harmless(wire.take())
                is_aligned(wire, size[0])
            await wire.press("1")
        wire.app.say(HOSTILE)
        await wire.settle()
        is_harmless(wire.take())
        is_aligned(wire, size[0])

    run_on_the_wire(client, body, size)
