"""Secrets as a user meets them in a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from command_line import CommandLine
from warm_python import WarmPython

TOKEN = "shell-t0ken/4711"
NODES = """
from flowtui import BlockingNode, NodeConfig


class Sign(BlockingNode):
    class Config(NodeConfig):
        token: str
    async def execute(self, data):
        print("token", self.config.token)
        return data | {"token": self.config.token}


class Fail(BlockingNode):
    async def execute(self, data):
        if (self.folder / "broken").exists():
            raise ValueError(f"refused {data['token']}")
        (self.folder / "seen.txt").write_text(data["token"])
"""
FLOW = """
nodes:
  in: {type: sequence, config: {count: 1, resume: true}}
  write: {type: queue-writer, needs: in, config: {queue: work}}
  read: {type: queue-reader, config: {queue: work}}
  sign: {type: sign, needs: read, config: {token: "Bearer ${secret:TOKEN}"}}
  fail: {type: fail, needs: sign}
"""


@pytest.fixture
def shell(tmp_path: Path, warm_engine: WarmPython) -> CommandLine:
    shell = CommandLine(tmp_path, warm_engine)
    shell.write("nodes/secretive.py", NODES)
    shell.write("flow.yaml", FLOW)
    shell.write("broken", "")
    return shell


def test_a_secret_is_asked_for_used_and_shown_nowhere(shell: CommandLine) -> None:
    warned = shell.run("check", "flows", code=1).output
    assert "flow.yaml:6:51: the secret TOKEN is not set: set FLOWTUI_SECRET_TOKEN, or write" in warned
    assert "[unset-secret]" in warned
    shell.env["FLOWTUI_SECRET_TOKEN"] = TOKEN

    ran = shell.headless("--until-idle").end()
    assert "token Bearer ***TOKEN***" in ran.messages
    exported = shell.run("dead", "export", "--folder", "flows").output
    assert json.loads(exported)["payload"] == {"n": 0, "token": "Bearer ***TOKEN***"}
    assert all(TOKEN not in text for text in (ran.output, ran.errors, exported))
    assert all(TOKEN.encode() not in file.read_bytes() for file in shell.state_dir.rglob("*") if file.is_file())

    (shell.folder / "broken").unlink()
    shell.run("dead", "replay", "1", "--folder", "flows")
    shell.headless("--until-idle").end()
    assert (shell.folder / "seen.txt").read_text() == f"Bearer {TOKEN}"
