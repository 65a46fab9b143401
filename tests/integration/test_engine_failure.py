"""What a screen can tell when the engine cannot run at all."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import pytest

from flowtui.client.door import EngineClient
from flowtui.engine.engine import FlowEngine
from flowtui.engine.rooms import Rooms
from flowtui.headless import run_headless
from flowtui.model.errors import FlowtuiError
from flowtui.storage.data_store import DataStore

PATIENCE_S = 20.0


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


def test_a_fault_in_what_was_asked_for_fails_with_one_sentence_and_the_log_has_the_rest(tmp_path: Path) -> None:
    def open_store() -> DataStore:
        raise FlowtuiError("there is no store")

    async def broken(rooms: Rooms) -> None:
        raise ZeroDivisionError("a bug")

    engine = FlowEngine(tmp_path, open_store, env={})
    engine.start()
    try:
        assert engine.wait_loaded(PATIENCE_S)
        with pytest.raises(FlowtuiError) as told:
            engine.ask(broken).result(PATIENCE_S)
        assert str(told.value) == (
            "flowtui itself has failed (ZeroDivisionError: a bug); the log has more, please report this"
        )
        assert any("in broken" in line.message for line in engine.logs(0, 100).lines)
    finally:
        engine.close()
