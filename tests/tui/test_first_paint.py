"""The screen is there before the workflows are, however many they are."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.graph.folder import LoadedFolder, load_folder
from flowtui.storage.opening import open_store
from flowtui.tui.app import FlowtuiApp

_FLOW = "nodes:\n  tick: {type: interval, config: {every: 1h}}\n  note: {type: log, needs: tick}\n"
_PATIENCE_S = 30.0


async def test_screen_and_keys_are_there_while_a_hundred_files_have_yet_to_be_read(tmp_path: Path) -> None:
    folder, may_load = tmp_path / "flows", threading.Event()
    folder.mkdir()
    for number in range(100):
        (folder / f"w{number:03}.yaml").write_text(_FLOW)

    def load(folder: Path, env: Mapping[str, str]) -> LoadedFolder:
        may_load.wait(_PATIENCE_S)
        return load_folder(folder, env)

    engine = FlowEngine(
        folder,
        lambda: open_store("memory", state_dir=tmp_path, namespace="first", url=None),
        env={},
        watch=False,
        load=load,
    )
    client = EngineClient(engine)
    app = FlowtuiApp(client)
    async with app.run_test(size=(120, 40)) as pilot:

        async def until(seen: Callable[[str], bool]) -> None:
            async with asyncio.timeout(_PATIENCE_S):
                while not seen("\n".join(strip.text for strip in app.screen._compositor.render_strips())):
                    await pilot.pause()

        await until(lambda text: "loading …" in text.splitlines()[0] and "Nothing logged yet" in text)
        await pilot.press("question_mark")
        await until(lambda text: "Help" in text)
        await pilot.press("escape", "3")
        await until(lambda text: "Queues" in text and "Loops" not in text)
        await pilot.press("1")
        may_load.set()
        await until(lambda text: "100 loops" in text.splitlines()[0])
        assert client.failure() == ""
    await asyncio.to_thread(client.close)
