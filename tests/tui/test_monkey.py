"""Whatever is pressed, in whatever order and on however small a terminal, the app goes on and loses nothing."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.events import Key
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

import flowtui.tui.app
from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.storage.opening import open_store
from flowtui.tui.actions.action import Action, Scope
from flowtui.tui.actions.registry import ACTIONS
from flowtui.tui.app import FlowtuiApp
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.inspector import InspectorScreen
from long_runs import tries

NODES = '''
"""A node that fails now and then."""
from flowtui import BlockingNode

class Picky(BlockingNode):
    """Refuse every fifth item."""
    def execute(self, data):
        print("looks at", data["tick"])
        if data["tick"] % 5 == 0:
            raise ValueError(f"no fives: {data['tick']}")
        return data
'''
SHOP = """
nodes:
  tick: {type: interval, config: {every: 30ms}}
  picky: {type: picky, needs: tick}
  odd: {type: if, needs: picky, config: {when: "{{ data.tick % 2 == 1 }}"}}
  keep: {type: queue-writer, needs: odd.yes, config: {queue: kept}}
  read: {type: queue-reader, config: {queue: kept}, loop: {pool: thread}}
  log: {type: log, needs: read, config: {message: "kept {{ data.tick }}"}}
"""
ASK = """
nodes:
  ask: {type: trigger, config: {inputs: {name: {type: text, default: Ana}}}}
  greet: {type: template, needs: ask, config: {text: "Hello {{ data.name }}", into: text}}
"""
#: Keys that no action has, and some that many terminals send.
RUBBISH = (
    "é",
    "ß",
    "€",
    "f19",
    "ctrl+underscore",
    "alt+x",
    "insert",
    "shift+left",
    "backspace",
    "space",
    "comma",
    "1",
    "2",
)
SIZES = ((120, 40), (80, 24), (200, 60), (40, 10), (12, 3), (97, 31))
#: Ends the app if the question that it opens is answered by the next key.
LEAVING = frozenset({"q", "ctrl+c", "ctrl+q"})


class WatchedApp(FlowtuiApp):
    """Notes which actions were carried out."""

    CSS_PATH = Path(flowtui.tui.app.__file__).parent / "styles/flowtui.tcss"
    fired: set[str]

    async def action_quit(self) -> None:
        if self.loops_to_stop:  # it would leave without a question
            await super().action_quit()

    async def run_action(self, action: Any, *args: Any, **options: Any) -> bool:
        name = action if isinstance(action, str) else action[1]
        self.fired.add(name.rpartition(".")[2].partition("(")[0])
        return await super().run_action(action, *args, **options)


class Monkey:
    """Presses keys on an app with a real engine."""

    def __init__(self, app: WatchedApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self._key(key)
            if key in LEAVING or self._asks_to_leave():
                await self._key("escape")

    def is_answered(self) -> bool:
        """Whether the engine has answered all that it was asked: a late answer may open something."""
        return all(worker.is_finished for worker in self.app.workers)

    async def _key(self, key: str) -> None:
        """Press a key as fast as the app takes it."""
        taken = asyncio.get_running_loop().create_future()
        self.app.post_message(Key(key, key if len(key) == 1 else None))
        self.app.call_later(taken.set_result, None)
        await taken
        while not self.app.key_order.is_through:
            await asyncio.sleep(0)

    def _asks_to_leave(self) -> bool:
        return isinstance(self.app.screen, ConfirmScreen) and self.app.screen is self.app.quit_question

    async def home(self, *, or_inspector: bool = False) -> None:
        """Go back to the overview from wherever one is, or no further than to the inspector."""
        for _ in range(40):
            screen = self.app.screen
            if screen is self.app.overview or (or_inspector and isinstance(screen, InspectorScreen)):
                return
            # What was typed into the inspector may be lost; nothing else that was asked shall be.
            asked = isinstance(self.app.screen, ConfirmScreen)
            await self.press("y" if asked and isinstance(self.app.screen_stack[-2], InspectorScreen) else "escape")
        raise AssertionError(f"escape does not lead out of {self.app.screen_stack}")

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(30):
            while not condition():
                await self.pilot.pause(0.02)


@asynccontextmanager
async def a_monkey(folder: Path) -> AsyncIterator[Monkey]:
    """Yield a monkey before an app that runs a folder, and close the engine."""
    (folder / "nodes").mkdir(parents=True)
    (folder / "nodes" / "picky.py").write_text(NODES)
    (folder / "shop.yaml").write_text(SHOP)
    (folder / "ask.yaml").write_text(ASK)

    def store() -> Any:
        return open_store("memory", state_dir=folder.parent / "state", namespace="monkey", url=None)

    client = EngineClient(FlowEngine(folder, store, env=dict(os.environ)))
    app = WatchedApp(client)
    app.fired = set()
    try:
        async with app.run_test(size=(120, 40)) as pilot:
            monkey = Monkey(app, pilot)
            await monkey.until(lambda: client.snapshot().dead_total > 0 and client.snapshot().queues)
            yield monkey
            assert app.is_running, "it has ended"
            await monkey.home()
            assert sum(queue.unaccounted for queue in client.snapshot().queues) == 0
            ours = [line for line in client.logs(0).lines if line.level >= logging.ERROR and not line.loop]
            assert not ours, ours
    finally:
        await asyncio.to_thread(client.close)


async def show(monkey: Monkey, scope: Scope) -> None:
    """Go to a screen from the overview, with something chosen on it; in the inspector one stays if one is there."""
    await monkey.home(or_inspector=scope is Scope.INSPECTOR)
    digits = {Scope.QUEUES: "3", Scope.LOGS: "4", Scope.LOG: "4", Scope.LETTERS: "5", Scope.WORKFLOWS: "6"}
    if scope in digits:
        await monkey.press(digits[scope])
    elif scope is Scope.INSPECTOR and monkey.app.screen is monkey.app.overview:
        await monkey.press("i")
        await monkey.until(lambda: isinstance(monkey.app.screen, InspectorScreen))


async def carry_out(monkey: Monkey, action: Action) -> None:
    await monkey.until(monkey.is_answered)
    await show(monkey, action.scope)
    if action.keys and not (action.scope is Scope.INSPECTOR and len(action.keys[0]) == 1):
        await monkey.press(action.keys[0])
    else:
        # Where text is typed a letter would be text.
        await monkey.app.screen.run_action(action.id)


@pytest.mark.timeout(300)
async def test_every_action_of_the_registry_can_be_carried_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with a_monkey(tmp_path / "flows") as monkey:
        for action in ACTIONS:
            await carry_out(monkey, action)
            assert action.id in monkey.app.fired, f"{action.keys} does not lead to {action.id} on {action.scope}"


@pytest.mark.timeout(300 * tries(1))
async def test_thousands_of_random_keys_and_resizes_leave_a_living_app(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # Others each time in long runs; a change that has nothing to do with it must not be stopped by luck.
    usual = 4711 if tries(1) == 1 else random.randrange(10**9)
    seed = int(os.environ.get("FLOWTUI_MONKEY_SEED", usual))
    print(f"FLOWTUI_MONKEY_SEED={seed}")
    chance = random.Random(seed)
    keys = [key for action in ACTIONS for key in action.keys if key not in LEAVING]
    async with a_monkey(tmp_path / "flows") as monkey:
        for number in range(tries(2000)):
            types = isinstance(monkey.app.focused, Input | TextArea)
            # A path that it types must not lead out of this test's folder.
            some = [key for key in keys if not (types and key == "slash")]
            key = chance.choice(RUBBISH) if chance.random() < 0.15 else chance.choice(some)
            await monkey.press("escape" if types and chance.random() < 0.15 else key)
            if number % 60 == 59:
                await monkey.pilot.resize_terminal(*chance.choice(SIZES))
        await monkey.pilot.resize_terminal(120, 40)
