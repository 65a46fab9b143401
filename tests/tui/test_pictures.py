"""Every screen looks as it did when a person last looked at it: in two sizes and two themes.

`FLOWTUI_PICTURES=take pytest tests/tui/test_pictures.py` takes them anew; then look at what has changed.
"""

from __future__ import annotations

import difflib
import itertools
import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from fake_client import NOW, a_busy_afternoon, a_queue, an_item, chatter
from fake_inspector import FakeInspectorClient
from fake_letters import a_letter
from running import Running, running

from flowtui.model.diff import Change, ChangeKind
from flowtui.model.errors import Problem
from flowtui.model.excerpts import excerpt
from flowtui.model.finding import FoundPage, Hit, Looked, Where
from flowtui.model.queued import Owner
from flowtui.model.snapshot import GroupView, HolderView
from flowtui.model.states import OnFull
from flowtui.model.workflows import FileKind, FileProblem, LoopChange, Reload, WorkflowView
from flowtui.tui.themes import DARK, LIGHT

PICTURES = Path(__file__).parent / "pictures"
SIZES = {"120x40": (120, 40), "80x24": (80, 24)}
THEMES = {"dark": DARK.name, "light": LIGHT.name}
#: Others draw other frames around the same cells.
DRAWN_BY = f"rich {version('rich')}, textual {version('textual')}"
_UNIQUE = re.compile(r"terminal-\d+")
_FONT_FACE = re.compile(r"\s*@font-face\s*{[^}]*}")


HOLDER = HolderView(Owner("orders.fulfil", 0, "ana", 4711), "ana:4711", is_here=True, in_flight=16, held_s=12.4)
ACCEPTED = a_queue(
    "orders.accepted",
    depth=3120,
    in_rate=41.2,
    out_rate=38.0,
    oldest_s=64.0,
    in_flight=16,
    bound=10_000,
    on_full=OnFull.WAIT,
    history=(100, 900, 1500, 2000, 2600, 3120),
    full_in_s=2293.0,
    groups=(GroupView("orders.fulfil", 3120, 16, 38.0, 64.0, tracks=1, holders=(HOLDER,)),),
)
FOLDER = Path("/home/ana/flows")
LINES = ("nodes:", "  tick: {type: interval}", "  keep:", "    type: queue-wirter", "    needs: [tick]", "")
MEANT = "unknown node type 'queue-wirter' (did you mean 'queue-writer'?)"
WRONG = Problem(FOLDER / "broken.yaml", 4, 11, MEANT, "unknown-node")


def a_file(name: str, **fields: Any) -> WorkflowView:
    seen = {"changed_at": NOW - 180, "loaded_at": NOW - 7200, "kept": 2, "nodes": 2}
    return WorkflowView(FOLDER / name, name, FileKind.WORKFLOW, **(seen | fields))


BROKEN = a_file(
    "broken.yaml",
    workflow="sync",
    revision=2,
    loops=("sync.poll",),
    problems=(FileProblem(WRONG, excerpt(LINES, 4, 11)),),
    is_broken=True,
)
MAIL = a_file("mail.yaml", workflow="mail", revision=3, loops=("mail.outbox",))
GONE = a_file("old.yaml", is_gone=True, changed_at=0.0, loaded_at=0.0, nodes=0)
CHANGES = (
    Change(ChangeKind.CHANGED, ("nodes", "send", "config", "retries"), 3, 5),
    Change(ChangeKind.ADDED, ("nodes", "note"), new={"type": "log"}),
)
RELOAD = Reload(
    NOW - 60,
    "mail.yaml",
    "mail r3: 2 loops kept, 1 swapped, 0 lost, 214 queued",
    (LoopChange("mail.outbox", ChangeKind.CHANGED, CHANGES, ""),),
)


async def inspector(it: Running) -> None:
    await it.press("tab", "i")
    await it.app.workers.wait_for_complete()
    await it.press("f5")
    await it.app.workers.wait_for_complete()
    await it.until("✔ ran well")


async def find(it: Running) -> None:
    await it.press("F")
    await it.type("4711")
    await it.press("enter")
    await it.app.workers.wait_for_complete()


def keys(*pressed: str) -> Callable[[Running], Awaitable[None]]:
    """Return what shows a screen by pressing keys."""

    async def press(it: Running) -> None:
        await it.press(*pressed)
        await it.app.workers.wait_for_complete()
        await it.settle()

    return press


SCREENS: dict[str, Callable[[Running], Awaitable[None]]] = {
    "1-overview": keys(),
    "2-loop": keys("j", "2"),
    "3-queues": keys("3", "j", "j"),
    "4-logs": keys("4"),
    "5-letters": keys("5", "j"),
    "6-workflows": keys("6"),
    "7-inspector": inspector,
    "help": keys("question_mark"),
    "find": find,
    "question": keys("X"),
}


@pytest.fixture(autouse=True)
def _in_utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def an_afternoon() -> FakeInspectorClient:
    """Everything that the screens show, at one moment."""
    client, seen = FakeInspectorClient(), a_busy_afternoon()
    more = {name: getattr(seen, name) for name in ("loops", "dead_letters", "dead_total", "problems")}
    client.change(**more, queues=(ACCEPTED, *seen.queues[1:]), workflows=(BROKEN, MAIL, GONE), reloads=(RELOAD,))
    client.letters = [
        a_letter(4711 - n, fingerprint="f-check-ValueError", failed_at=NOW - 4000 - 60 * n, replays=n) for n in range(2)
    ]
    client.letters += [
        a_letter(
            n,
            loop="sync.poll",
            node="fetch",
            error="ConnectError",
            message="[Errno 111] Connection refused",
            fingerprint="f-fetch-ConnectError",
            failed_at=NOW - 190 - 300 * (12 - n),
        )
        for n in range(1, 13)
    ]
    client.queued["orders.accepted", "orders.fulfil"] = [
        an_item("4700", '{"order": 4700, "customer": "Ada"}', owner=HOLDER.owner, tries=2),
        *(
            an_item(f"{n}", f'{{"order": {n}, "customer": "Grace", "lines": [{{"sku": "tea"}}]}}')
            for n in range(4701, 4730)
        ),
    ]
    waits = Hit(
        Where.WAITING,
        "4711",
        NOW - 64,
        '{"order": 4711, "lines": []}',
        queue="orders.accepted",
        loop="orders.fulfil",
        ahead=11,
    )
    dead = Hit(
        Where.DEAD,
        "item-4711",
        NOW - 4000,
        "order 4711 has no lines",
        loop="orders.incoming",
        node="check",
        letter=4711,
        note="ValueError",
    )
    client.found = FoundPage((waits, dead), (Looked("items", "item", 3148, 3148), Looked("letters", "letter", 14, 14)))
    chatter(client, 40)
    return client


def taken(it: Running, name: str) -> str:
    """Return the picture of a screen, without what differs from run to run."""
    svg = _FONT_FACE.sub("", it.app.export_screenshot(title=name))
    return _UNIQUE.sub("cells", svg).replace(
        "<!-- Generated with Rich https://www.textualize.io -->", f"<!-- {DRAWN_BY} -->"
    )


def words(svg: str) -> list[str]:
    """Return the texts of a picture, which stay the same whoever draws its frame."""
    return [text.replace("\xa0", " ") for each in ElementTree.fromstring(svg).iter() if (text := each.text)]


@pytest.mark.parametrize("screen", SCREENS)
async def test_a_screen_looks_as_it_did(screen: str, tmp_path: Path) -> None:
    now: dict[str, str] = {}
    async with running(an_afternoon()) as it:
        await SCREENS[screen](it)
        for (size, cells), (theme, name) in itertools.product(SIZES.items(), THEMES.items()):
            it.app.theme = name
            await it.resize(*cells)
            await it.settle()
            picture = f"{screen}-{size}-{theme}"
            now[picture] = taken(it, picture)
    if os.environ.get("FLOWTUI_PICTURES") == "take":
        take(now)
    changed = [told for name, picture in now.items() if (told := change(name, picture))]
    for name, picture in now.items():
        (tmp_path / f"{name}.svg").write_text(picture)
    assert not changed, f"as it is now: {tmp_path}\n" + "\n".join(changed)


def take(pictures: dict[str, str]) -> None:
    PICTURES.mkdir(exist_ok=True)
    for name, picture in pictures.items():
        (PICTURES / f"{name}.svg").write_text(picture)


def change(name: str, now: str) -> str:
    """Return what has changed in a picture, empty if nothing."""
    before = (PICTURES / f"{name}.svg").read_text()
    if now == before if DRAWN_BY in before else words(now) == words(before):
        return ""
    lines = difflib.unified_diff(words(before), words(now), f"{name}, before", "now", n=0, lineterm="")
    return "\n".join(lines) or f"{name}: only its colours"
