"""Whole workflows in a test: run by the engine over a store in memory, until nothing happens any more."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from pathlib import Path

from flowtui.testing.nodes import refuse_async
from flowtui.testing.scene import Inputs, Scene, WorkflowRun


def run_workflow(
    path: Path | str,
    inputs: Inputs | None = None,
    *,
    env: Mapping[str, str] | None = None,
    within: float = 10.0,
    until_idle: bool = True,
) -> WorkflowRun:
    """Run one workflow file until nothing happens any more, over a store in memory that ends with the run.

    All loops run in this process, those of the pool `process` too, so that a test can patch what they use.

    Args:
        path: the file; node classes come from `nodes/` beside it.
        inputs: items by producer. A producer that is named gives them and completes; to a `queue-reader` they come
            through its queue. All other producers give nothing. Without `inputs` the producers do their own work.
        env: environment variables on top of those of this process, for `${NAME}` in the file.
        within: how long it may take, in seconds.
        until_idle: False to run for `within` seconds and then stop, for producers that never end.

    Raises:
        WorkflowError: if the file has errors.
        NotIdle: if it is not at rest `within` this time.
        KeyError: if `inputs` name a producer that is not there.
        RuntimeError: if it is called in async code: await `run_workflow_async` there.
    """
    __tracebackhide__ = True
    refuse_async("run_workflow")
    return _scene(Path(path).parent, Path(path), inputs, env).play(within, until_idle=until_idle)


def run_folder(
    folder: Path | str,
    inputs: Inputs | None = None,
    *,
    env: Mapping[str, str] | None = None,
    within: float = 10.0,
    until_idle: bool = True,
) -> WorkflowRun:
    """Run all workflows of a folder together; otherwise as `run_workflow`."""
    __tracebackhide__ = True
    refuse_async("run_folder")
    return _scene(Path(folder), None, inputs, env).play(within, until_idle=until_idle)


async def run_workflow_async(
    path: Path | str,
    inputs: Inputs | None = None,
    *,
    env: Mapping[str, str] | None = None,
    within: float = 10.0,
    until_idle: bool = True,
) -> WorkflowRun:
    """As `run_workflow`, while the event loop of the caller goes on."""
    __tracebackhide__ = True
    scene = _scene(Path(path).parent, Path(path), inputs, env)
    return await asyncio.to_thread(scene.play, within, until_idle=until_idle)


async def run_folder_async(
    folder: Path | str,
    inputs: Inputs | None = None,
    *,
    env: Mapping[str, str] | None = None,
    within: float = 10.0,
    until_idle: bool = True,
) -> WorkflowRun:
    """As `run_folder`, while the event loop of the caller goes on."""
    __tracebackhide__ = True
    scene = _scene(Path(folder), None, inputs, env)
    return await asyncio.to_thread(scene.play, within, until_idle=until_idle)


def _scene(folder: Path, path: Path | None, inputs: Inputs | None, env: Mapping[str, str] | None) -> Scene:
    __tracebackhide__ = True
    return Scene(folder, path, inputs, {**os.environ, **(env or {})})
