"""What a screen can tell when the engine cannot run at all."""

from __future__ import annotations

import io
import threading
from pathlib import Path

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.headless import run_headless
from flowtui.storage.data_store import DataStore


def test_a_fault_of_the_engine_itself_is_told_and_ends_a_run(tmp_path: Path) -> None:
    def open_store() -> DataStore:
        raise ZeroDivisionError("a bug")

    out, err = io.StringIO(), io.StringIO()
    client = EngineClient(FlowEngine(tmp_path, open_store, env={}))
    code = run_headless(client, threading.Event(), for_s=None, until_idle=False, as_json=False, out=out, err=err)
    assert code == 1
    assert err.getvalue() == ("flowtui: flowtui itself has failed (ZeroDivisionError: a bug); please report this\n")
    assert not client.snapshot().loading
    assert "a bug" in out.getvalue()
