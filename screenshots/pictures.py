"""Pictures of what the app shows: as PNG, as SVG, and several of them as one SVG that moves."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flowtui.tui.app import FlowtuiApp

_HERE = Path(__file__).parent
_VIEW_BOX = re.compile(r'viewBox="0 0 ([\d.]+) ([\d.]+)"')
#: Fonts come from this machine, not from the network.
_FONT_FACE = re.compile(r"@font-face\s*{[^}]*}")
#: For how long each picture of a story is shown, in seconds.
_EACH_S = 4


def save(app: FlowtuiApp, name: str) -> None:
    """Write what the screen shows as `name`.png and `name`.svg."""
    svg = _FONT_FACE.sub("", app.export_screenshot(title="flowtui workflows/"))
    (_HERE / f"{name}.svg").write_text(svg)
    width, height = (round(figure) for figure in _size(svg))
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


def animate(names: Sequence[str], name: str) -> None:
    """Write pictures that were saved as one, `name`.svg, which shows one after the other for ever."""
    pictures = [(_HERE / f"{each}.svg").read_text() for each in names]
    width, height = (max(figures) for figures in zip(*map(_size, pictures), strict=True))
    share = 100 / len(pictures)
    frames = "\n".join(
        f'<g class="frame" style="animation-delay:{number * _EACH_S}s">{picture}</g>'
        for number, picture in enumerate(pictures)
    )
    (_HERE / f"{name}.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}">\n'
        f"<style>.frame {{ visibility: hidden; animation: show {len(pictures) * _EACH_S}s step-end infinite }}\n"
        f"@keyframes show {{ 0% {{ visibility: visible }} {share:.3f}% {{ visibility: hidden }} }}</style>\n"
        f"{frames}\n</svg>\n"
    )
    print(f"screenshots/{name}.svg")


def _size(svg: str) -> tuple[float, float]:
    found = _VIEW_BOX.search(svg)
    assert found is not None
    return float(found[1]), float(found[2])
