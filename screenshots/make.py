"""Make the pictures in this folder from the app itself, running on the samples.

Run `python screenshots/make.py` in an environment with flowtui; it takes about two minutes and needs Chromium
(Debian's `chromium`, with `fonts-firacode`).
"""

from __future__ import annotations

import asyncio
import functools
import os
import shutil
import tempfile
from pathlib import Path

from pictures import save
from story import take_story
from textual.pilot import Pilot
from waiting import until

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.storage.opening import open_store
from flowtui.tui.app import FlowtuiApp
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.themes import DARK, LIGHT

_HERE = Path(__file__).parent
_HISTORY_S = 32  # long enough for a few steps of the sparklines and a broken order


async def choose(client: EngineClient, pilot: Pilot[None], loop: str) -> None:
    """Let only the loops of this one's workflow be shown, and choose it."""
    workflow = loop.partition(".")[0]
    of_workflow = [each.id for each in client.snapshot().loops if each.id.startswith(f"{workflow}.")]
    await pilot.press("slash", *workflow, "enter", "g", *"j" * of_workflow.index(loop))


async def take_overview(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None]) -> None:
    """Visit what README shows of the app as a whole."""
    app.theme = DARK.name
    await pilot.press(*"j" * [each.id for each in client.snapshot().loops].index("orders.incoming"))
    await pilot.pause(1.0)
    save(app, "overview-120x40")
    app.theme = LIGHT.name
    await pilot.pause(0.5)
    save(app, "overview-light")
    app.theme = DARK.name
    await pilot.resize_terminal(80, 24)
    await pilot.pause(0.5)
    save(app, "overview-80x24")
    await pilot.resize_terminal(120, 40)
    await pilot.press("question_mark")
    await pilot.pause(0.5)
    save(app, "help")
    await pilot.press("escape", "escape")


async def take_samples(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None]) -> None:
    """Visit each sample: its loops, the nodes of one of them, and what they log."""
    await until(lambda: any(each.id == "housekeeping.tick" and each.iterations for each in client.snapshot().loops), 90)
    await pilot.resize_terminal(120, 30)
    for loop in ("host-watch.tick", "log-tail.suspects", "orders.fulfil", "web-shop.door", "housekeeping.tick"):
        workflow = loop.partition(".")[0]
        await choose(client, pilot, loop)
        await pilot.press("shift+tab", "slash", *workflow, "enter")
        await pilot.pause(1.0)
        save(app, workflow)
        await pilot.press("escape", "escape", "escape")
    await choose(client, pilot, "report.ask")
    await pilot.press("T")
    await pilot.pause(0.5)
    save(app, "report-form")
    await pilot.press("f5")
    await pilot.pause(3.5)
    save(app, "report")


async def take_tap(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None]) -> None:
    """Watch orders pass through the node that checks them, a broken one among them."""
    await pilot.resize_terminal(120, 30)
    await choose(client, pilot, "orders.incoming")
    await pilot.press("tab", "j", "t")
    await until(lambda: any(sample.error for sample in client.tapped(0).samples), timeout=90)
    await pilot.pause(2.0)
    await pilot.press("space", "k", "k")
    await pilot.pause(0.5)
    save(app, "tap")
    await pilot.press("escape", "escape", "escape")


async def take_screens(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None]) -> None:
    """Visit the screens that one goes to by digit."""
    await pilot.resize_terminal(120, 34)
    await choose(client, pilot, "orders.incoming")
    for digit, name in (("2", "loop"), ("3", "queues"), ("4", "logs"), ("5", "dead-letters"), ("6", "workflows")):
        await pilot.press(digit)
        await pilot.pause(2.0)
        save(app, name)
    await pilot.press("1", "escape", "escape")


async def take_inspector(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None]) -> None:
    """Run the node that checks orders with a broken one, which is a dead letter."""
    await pilot.resize_terminal(120, 40)
    await pilot.press("tab", "tab", "tab", "slash", *"orders", "enter", "g", "i")
    await until(lambda: isinstance(app.screen, InspectorScreen) and app.screen.desk.trial is not None, timeout=10)
    await pilot.press("f5")
    await until(lambda: isinstance(app.screen, InspectorScreen) and app.screen.run is not None, timeout=30)
    await pilot.pause(1.0)
    save(app, "inspector")
    await pilot.press("escape", "escape", "escape")


async def main() -> None:
    """Run the app without a terminal, on a store and sample folders of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "FLOWTUI_SAMPLES": f"{scratch}/samples"}
        store = functools.partial(open_store, "local", state_dir=Path(scratch, "state"), namespace="flowtui", url=None)
        # The paths in tracebacks are those of a copy, the same wherever the pictures are made.
        shutil.copytree(_HERE.parent / "workflows", Path(scratch, "workflows"))
        os.chdir(scratch)
        client = EngineClient(FlowEngine(Path("workflows"), store, env=environment))
        app = FlowtuiApp(client)
        async with app.run_test(size=(120, 40)) as pilot:
            await until(lambda: client.snapshot().dead_total > 0, timeout=120)
            await until(lambda: client.snapshot().uptime_s > _HISTORY_S, timeout=120)
            await take_overview(app, client, pilot)
            await take_screens(app, client, pilot)
            await take_inspector(app, client, pilot)
            await take_tap(app, client, pilot)
            await take_samples(app, client, pilot)
        await asyncio.to_thread(client.close)
        await take_story(Path(scratch, "workflows"), Path(scratch))


if __name__ == "__main__":
    asyncio.run(main())
