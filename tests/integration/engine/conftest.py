"""An engine on a folder of real files."""

from __future__ import annotations

import functools
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import SimpleNamespace
from typing import Any

import pytest

from flowtui.client.door import EngineClient
from flowtui.engine import processes
from flowtui.engine.engine import FlowEngine
from flowtui.model.access import USUAL, Access, Mode
from flowtui.model.snapshot import EngineSnapshot, LoopView, NodeView, QueueView
from flowtui.model.states import Command, LoopState
from flowtui.storage.opening import open_store
from warm_python import WarmProcess, WarmPython

PATIENCE_S = 20.0

#: Nodes that tests use; a test can see what they did in `done.txt`, one line for each.
NODES = '''
import asyncio
import time
from pathlib import Path

from flowtui import BlockingNode, ConditionalNode, Exhausted, NonBlockingNode, ProducerNode


class Count(ProducerNode):
    """Counts from 0; stops at `count`, or never."""
    class Config(ProducerNode.Config):
        count: int = 0
        every: float = 0.0
    n = 0
    async def execute(self):
        if self.config.count and self.n >= self.config.count:
            raise Exhausted
        await asyncio.sleep(self.config.every)
        self.n += 1
        return {"n": self.n - 1}


class CursorCount(Count):
    """Counts from where it was."""
    async def execute(self):
        self.n = self.cursor or 0
        result = await super().execute()
        self.cursor = self.n
        return result


class Note(BlockingNode):
    """Writes `n` of every item to a file."""
    class Config(BlockingNode.Config):
        file: str = "done.txt"
    async def execute(self, data):
        with (self.folder / self.config.file).open("a") as file:
            file.write(f"{data['n']}\\n")
        return data


class FailOn(BlockingNode):
    """Raises for every multiple of `n`."""
    class Config(BlockingNode.Config):
        n: int
    async def execute(self, data):
        if data["n"] % self.config.n == 0:
            raise ValueError(f"cannot take {data['n']}")
        return data | {"passed": True}


class Wait(BlockingNode):
    """Waits as long as a file `gate` is there."""
    async def execute(self, data):
        while (self.folder / "gate").exists():
            await asyncio.sleep(0.005)
        return data


class BackgroundWait(NonBlockingNode):
    """The same, without holding the loop."""
    async def execute(self, data):
        while (self.folder / "gate").exists():
            await asyncio.sleep(0.005)
        return data


class Parity(ConditionalNode):
    ports = ("even", "odd")
    async def execute(self, data):
        return ("even", data | {"parity": 0}) if data["n"] % 2 == 0 else "odd"


class Plain(BlockingNode):
    """A plain function."""
    def execute(self, data):
        print("plain", data["n"])
        return data


class Hang(BlockingNode):
    """Hangs in a thread until the file `gate` is gone."""
    def execute(self, data):
        while (self.folder / "gate").exists():
            time.sleep(0.01)
        return data
'''


class Running:
    """A running engine and what a test wants to know of it."""

    def __init__(self, engine: FlowEngine, folder: Path) -> None:
        self.engine = engine
        self.folder = folder

    def snapshot(self) -> EngineSnapshot:
        return self.engine.snapshot()

    def loop(self, id: str) -> LoopView:
        return next(loop for loop in self.snapshot().loops if loop.id == id)

    def node(self, loop: str, id: str) -> NodeView:
        return next(node for node in self.loop(loop).nodes if node.id == id)

    def queue(self, name: str) -> QueueView:
        return next(queue for queue in self.snapshot().queues if queue.name == name)

    def messages(self) -> list[str]:
        return [line.message for line in self.engine.logs(0, 100_000).lines]

    def done(self, file: str = "done.txt") -> list[int]:
        path = self.folder / file
        return [int(line) for line in path.read_text().split()] if path.exists() else []

    def tell(self, command: Command, loop: str) -> None:
        EngineClient(self.engine).command(command, loop).result(PATIENCE_S)

    def until(self, condition: Callable[[], object], what: str = "") -> None:
        """Wait until `condition` holds; what the engine does cannot be awaited from here, so look often."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                states = {loop.id: (loop.state, loop.reason, loop.waiting) for loop in self.snapshot().loops}
                pytest.fail(f"waited in vain {what}: {states}\n" + "\n".join(self.messages()[-20:]))
            time.sleep(0.005)

    def until_state(self, loop: str, state: LoopState) -> None:
        self.until(lambda: self.loop(loop).state is state, f"for {loop} to be {state}")

    def until_idle(self) -> None:
        self.until(lambda: EngineClient(self.engine).is_idle().result(PATIENCE_S), "to be idle")


@pytest.fixture
def warm_children(warm_engine: WarmPython, monkeypatch: pytest.MonkeyPatch) -> list[WarmProcess]:
    """Have child processes forked from a warm Python, and list them."""
    started: list[WarmProcess] = []

    def start_child(*args: Any, **options: Any) -> WarmProcess:
        started.append(warm_engine.start(*args, **options))
        return started[-1]

    like_subprocess = SimpleNamespace(
        Popen=start_child, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired
    )
    monkeypatch.setattr(processes, "subprocess", like_subprocess)
    return started


@pytest.fixture(autouse=True)
def usual_children(warm_children: list[WarmProcess]) -> None:
    """How child processes begin; files of tests that look at just that have others."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "flows"
    (folder / "nodes").mkdir(parents=True)
    (folder / "nodes" / "testing_nodes.py").write_text(NODES)
    return folder


@pytest.fixture
def write(folder: Path) -> Callable[[str, str], Path]:
    """Save a workflow file the way editors do: whole, by rename."""

    def save(name: str, text: str) -> Path:
        path, fresh = folder / name, folder / f".{name}.new"
        fresh.write_text(dedent(text))
        return fresh.replace(path)

    return save


@pytest.fixture
def start(request: pytest.FixtureRequest, folder: Path, tmp_path: Path) -> Iterator[Callable[..., Running]]:
    """Start an engine on `folder`; every engine is closed in the end. Child processes need a store they can reach."""
    engines: list[FlowEngine] = []
    parameters = request.node.callspec.params if hasattr(request.node, "callspec") else {}
    usual = "local" if parameters.get("pool") == "process" else "memory"

    def run(
        store: str = usual,
        *,
        watch: bool = False,
        env: dict[str, str] | None = None,
        namespace: str = "test",
        access: Access = USUAL,
        text_folder: Path | None = None,
    ) -> Running:
        is_dev = access.mode is Mode.DEVELOPMENT
        where = {"state_dir": tmp_path / "state", "namespace": namespace, "url": None, "for_development": is_dev}
        opener = functools.partial(open_store, store, **where)
        engine = FlowEngine(
            folder,
            opener,
            env=env or {},
            text_folder=text_folder,
            watch=watch,
            access=access,
            autostart=not is_dev,
        )
        engines.append(engine)
        engine.start()
        assert engine.wait_loaded(PATIENCE_S)
        return Running(engine, folder)

    yield run
    for engine in engines:
        engine.close(grace=0.2)
