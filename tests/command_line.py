"""Runs `flowtui` as a user does: as a child process of its own, on real files."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any, TextIO
from unittest import mock

import pytest

from flowtui.cli import main
from warm_python import WarmProcess, WarmPython

PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class _Ended:
    """What stands for a process that this one is."""

    returncode: int

    stdout: None = None

    def wait(self, timeout: float) -> int:
        return self.returncode

    def poll(self) -> int:
        return self.returncode


class Child:
    """A running `flowtui`, its output in files so that it never waits for a reader."""

    def __init__(self, process: subprocess.Popen[bytes] | WarmProcess | _Ended, output: Path, errors: Path) -> None:
        self.process = process
        self._output = output
        self._errors = errors

    @property
    def output(self) -> str:
        return self._output.read_text(errors="surrogateescape")

    @property
    def errors(self) -> str:
        return self._errors.read_text(errors="surrogateescape")

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every line of the output, which all must be JSON."""
        return [json.loads(line) for line in self.output.splitlines()]

    @property
    def summary(self) -> dict[str, Any]:
        """The last line of the output."""
        last = self.events[-1]
        assert last["event"] == "summary", self.told()
        return last

    @property
    def messages(self) -> list[str]:
        """The log lines of JSON output."""
        return [event["message"] for event in self.events if event["event"] == "log"]

    def end(self, code: int = 0) -> Child:
        """Wait until it has ended, with this exit code and without a traceback."""
        self.process.wait(PATIENCE_S)
        assert self.process.returncode == code, self.told()
        assert "Traceback" not in self.errors, self.told()
        assert "Exception ignored" not in self.errors, self.told()
        return self

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until `condition` holds; look often, as there is nothing to await in another process."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, f"it ended before {what}\n{self.told()}"
            assert time.monotonic() < deadline, f"waited in vain for {what}\n{self.told()}"
            time.sleep(0.005)

    def told(self) -> str:
        return f"exit code {self.process.returncode}\n-- output --\n{self.output}\n-- errors --\n{self.errors}"


class CommandLine:
    """A folder of workflows, a state directory, and the children that a test starts on them.

    Attributes:
        program: what Python is to run as `flowtui`.
        warm: what becomes a child of which nothing special is asked; without it, and else, Python starts anew.
    """

    def __init__(self, home: Path, warm: WarmPython | None = None) -> None:
        self.home = home
        self.warm = warm
        self.folder = home / "flows"
        self.state_dir = home / "state"
        self.program = ["-m", "flowtui"]
        self.env = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FLOWTUI_")},
            "HOME": str(home),
            "XDG_STATE_HOME": str(home / "xdg"),
            "FLOWTUI_STATE_DIR": str(self.state_dir),
        }
        self._children: list[Child] = []
        self.folder.mkdir()

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file of the folder."""
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())
        return path

    def start(self, *args: str, cwd: Path | None = None, **options: Any) -> Child:
        """Start `flowtui` with these arguments, in the folder's parent; `options` are those of `Popen`."""
        number = len(self._children)
        output, errors = self.home / f"{number}.out", self.home / f"{number}.err"
        with output.open("wb") as out, errors.open("wb") as err:
            streams = {"stdin": subprocess.DEVNULL, "stdout": out.fileno(), "stderr": err.fileno()}
            is_warm = self.warm and not options and not self.program[0].startswith("-X")
            popen = self.warm.start if is_warm else subprocess.Popen
            given = {"cwd": cwd or self.home, "env": self.env, **streams, **options}
            process = popen([sys.executable, *self.program, *args], **given)
        child = Child(process, output, errors)
        self._children.append(child)
        return child

    def run(self, *args: str, code: int = 0, **options: Any) -> Child:
        """Run `flowtui` to its end, which must come with this exit code.

        In this process if nothing speaks against it: to start one takes ten times as long as what most commands do.
        """
        is_short = bool(args) and args[0] not in ("run", "open", "check")
        is_here = is_short and not options and self.program == ["-m", "flowtui"] and not asyncio._get_running_loop()
        return (self._here(*args) if is_here else self.start(*args, **options)).end(code)

    def _here(self, *args: str) -> Child:
        number = len(self._children)
        output, errors = self.home / f"{number}.out", self.home / f"{number}.err"
        with (
            _led_into(output, 1, contextlib.redirect_stdout),
            _led_into(errors, 2, contextlib.redirect_stderr),
            pytest.MonkeyPatch.context() as patch,
            mock.patch.dict(os.environ, self.env, clear=True),
        ):
            patch.setattr(sys, "argv", ["flowtui", *args])
            patch.chdir(self.home)
            ended = _Ended(main.invoke())
        child = Child(ended, output, errors)
        self._children.append(child)
        return child

    def headless(self, *args: str, **options: Any) -> Child:
        """Start `flowtui run flows --headless --json`."""
        return self.start("run", "flows", "--headless", "--json", *args, **options)

    def lines(self, name: str) -> list[str]:
        """The whole lines of a file in the folder; none if it is not there."""
        path = self.folder / name
        return path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []

    def server_pid(self) -> int:
        """The process of the private server."""
        return int((self.state_dir / "store" / "server.pid").read_text())

    def close(self) -> None:
        """End every child that has not ended."""
        for child in self._children:
            if child.process.poll() is None:
                child.process.kill()
                child.process.wait()
            if child.process.stdout:
                child.process.stdout.close()


@contextlib.contextmanager
def _led_into(
    path: Path, descriptor: int, redirect: Callable[[TextIO], contextlib.AbstractContextManager[TextIO]]
) -> Iterator[None]:
    """Lead what is written to one of this process's outputs into a file, past Python's own stream too."""
    before = os.dup(descriptor)
    try:
        with path.open("a", errors="surrogateescape", buffering=1) as file, redirect(file):
            os.dup2(file.fileno(), descriptor)
            yield
    finally:
        os.dup2(before, descriptor)
        os.close(before)
