"""Make the pictures in this folder from the app itself, running on the samples.

Run `python screenshots/make.py` in an environment with flowtui; it takes about a minute and needs Chromium
(Debian's `chromium`, with `fonts-firacode`).
"""

from __future__ import annotations

import asyncio
import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from textual.pilot import Pilot

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.storage.opening import open_store
from flowtui.tui.app import FlowtuiApp
from flowtui.tui.themes import DARK, LIGHT

_HERE = Path(__file__).parent
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
#: Fonts come from this machine, not from the network.
_FONT_FACE = re.compile(r"@font-face\s*{[^}]*}")
_HISTORY_S = 32  # long enough for a few steps of the sparklines and a broken order
_LOOK_EVERY_S = 0.1


async def until(condition: Callable[[], bool], timeout: float) -> None:
    """Wait until `condition` holds.

    Raises:
        TimeoutError: if it does not within `timeout` seconds.
    """
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(_LOOK_EVERY_S)


def save(app: FlowtuiApp, name: str) -> None:
    """Write what the screen shows as `name`.png."""
    svg = _FONT_FACE.sub("", app.export_screenshot(title="flowtui workflows/"))
    found = _VIEW_BOX.search(svg)
    assert found is not None
    width, height = (round(float(figure)) for figure in found.groups())
    with tempfile.TemporaryDirectory() as scratch:
        page = Path(scratch, "page.html")
        page.write_text(f"<body style='margin:0;overflow:hidden'>{svg}</body>")
        subprocess.run(
            [
                "chromium",
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-background-networking",
                "--disable-component-update",
                "--no-first-run",
                f"--user-data-dir={scratch}/profile",
                f"--window-size={width},{height}",
                f"--screenshot={_HERE / name}.png",
                page.as_uri(),
            ],
            check=True,
            capture_output=True,
        )
    print(f"screenshots/{name}.png")


async def take(app: FlowtuiApp, client: EngineClient, pilot: Pilot[None]) -> None:
    """Let the samples run, then visit what README shows."""
    await until(lambda: client.snapshot().dead_total > 0, timeout=120)
    await until(lambda: client.snapshot().uptime_s > _HISTORY_S, timeout=120)
    app.theme = DARK.name
    await pilot.press("j", "j", "j", "j", "j")
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
    await pilot.press("tab", "tab", "tab", "enter")
    await pilot.pause(0.5)
    save(app, "dead-letter")
    await pilot.press("escape", "question_mark")
    await pilot.pause(0.5)
    save(app, "help")


async def main() -> None:
    """Run the app without a terminal, on a store and sample folders of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "FLOWTUI_SAMPLES": f"{scratch}/samples"}
        store = functools.partial(open_store, "local", state_dir=Path(scratch, "state"), namespace="flowtui", url=None)
        os.chdir(_HERE.parent)
        client = EngineClient(FlowEngine(Path("workflows"), store, env=environment))
        app = FlowtuiApp(client)
        async with app.run_test(size=(120, 40)) as pilot:
            await take(app, client, pilot)
        await asyncio.to_thread(client.close)


if __name__ == "__main__":
    asyncio.run(main())
