"""The story of an order that fails: it is looked at, the cause is mended, and it arrives."""

from __future__ import annotations

import asyncio
import functools
import json
import os
import shutil
from pathlib import Path

from pictures import animate, save
from textual.pilot import Pilot
from waiting import until

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.storage.opening import open_store
from flowtui.tui.app import FlowtuiApp
from flowtui.tui.screens.inspector import InspectorScreen
from flowtui.tui.themes import DARK

_NAMES = ("story-1-fail", "story-2-inspect", "story-3-fix", "story-4-replay")
_TEA = {"sku": "tea", "quantity": 1, "price": 4.5}
#: Orders by their ids: three have no lines.
_ORDERS = {**{f"empty-{number}": [] for number in range(3)}, **{f"good-{number}": [_TEA] for number in range(5)}}
_CHECK = '    if not order.lines:\n        raise ValueError("order has no lines")\n'


async def take_story(samples: Path, scratch: Path) -> None:
    """Play the story on a copy of the sample `orders`, and save a picture of each of its scenes."""
    code = _prepare(samples, scratch / "story")
    store = functools.partial(open_store, "local", state_dir=Path("state"), namespace="flowtui", url=None)
    environment = {**os.environ, "FLOWTUI_SAMPLES": str(code.parents[2] / "samples")}
    client = EngineClient(FlowEngine(Path("workflows"), store, env=environment))
    app = FlowtuiApp(client)
    app.theme = DARK.name
    async with app.run_test(size=(120, 34)) as pilot:
        await until(lambda: client.snapshot().dead_total == len(_ORDERS) - 5, timeout=60)
        await _play(app, client, pilot, code)
    await asyncio.to_thread(client.close)
    animate(_NAMES, "story")


def _prepare(samples: Path, home: Path) -> Path:
    """Make a folder with the sample and its orders, go there, and return the file of the code that is mended."""
    flows, inbox = home / "workflows", home / "samples" / "orders" / "inbox"
    (flows / "nodes").mkdir(parents=True)
    inbox.mkdir(parents=True)
    sample = (samples / "orders.yaml").read_text()
    (flows / "orders.yaml").write_text(sample.replace("every: 500ms", "every: 1h"))
    for id, lines in _ORDERS.items():
        (inbox / f"{id}.json").write_text(json.dumps({"id": id, "customer": "Ada", "lines": lines}))
    os.chdir(home)
    return Path(shutil.copy(samples / "nodes" / "orders.py", flows / "nodes"))


async def _play(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None], code: Path) -> None:
    await pilot.press("5")
    await pilot.pause(1.5)
    save(app, _NAMES[0])
    await pilot.press("i")
    await until(lambda: isinstance(app.screen, InspectorScreen) and app.screen.desk.trial is not None, timeout=10)
    await _run(app, pilot)
    save(app, _NAMES[1])
    _mend(code)
    await asyncio.wrap_future(client.reload())
    await _run(app, pilot)
    save(app, _NAMES[2])
    await pilot.press("escape")
    await pilot.pause(0.5)
    await pilot.press("R")
    await pilot.pause(0.5)
    await pilot.press("enter")
    await until(lambda: client.snapshot().dead_total == 0, timeout=30)
    await pilot.pause(0.5)
    save(app, _NAMES[3])


def _mend(code: Path) -> None:
    text = code.read_text()
    assert _CHECK in text
    code.write_text(text.replace(_CHECK, ""))


async def _run(app: FlowtuiApp, pilot: Pilot[None]) -> None:
    """Run the node in the inspector and wait for what comes of it."""
    screen = app.screen
    assert isinstance(screen, InspectorScreen)
    before = screen.run
    await pilot.press("f5")
    await until(lambda: screen.run is not None and screen.run is not before, timeout=30)
    await pilot.pause(6.0)  # until the notices have gone
