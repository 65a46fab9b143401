"""`shell`: a program of the machine as a node."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections import deque
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, field_validator, model_validator

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import BlockingNode, NodeConfig
from flowtui.nodes.builtin.output import as_text
from flowtui.nodes.hints import Fixed, MultiLine, Unit
from flowtui.nodes.processes import Command, signal_group, started

_CHUNK = 64 * 1024
#: Between asking a command to end and killing it.
_GRACE_S = 2.0
#: What a command leaves running may hold its output open; after it has ended nobody waits longer for that.
_REST_S = 1.0
_MOST_STDERR = 4096
_STDERR_LINES = 5


_Word = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": "string"})]


class Shell(BlockingNode):
    """Run a program with the item as JSON on its standard input, and take its output into a field.

    `command` is a list, program first, which no shell sees. `script` instead is a text for `/bin/sh`, which can't hold
    a template, since what an item holds would be run: it reads standard input and `env`. An exit code other than 0 is
    an error with the last lines of what the program wrote to its standard error.

    The program leads a process group of its own, which is ended at the node's `timeout` and when the loop stops, first
    by SIGTERM, 2 seconds later by SIGKILL. What the program leaves running is ended too, and so is all of it when the
    engine dies. After a crash the item comes again, so the program runs again.
    """

    example: ClassVar = {"command": ["wc", "-c"], "output": "text", "into": "bytes"}

    class Config(NodeConfig):
        command: list[_Word] = Field(
            default_factory=list,
            description="The program and its arguments. An argument that comes from an item may look like an option: "
            "put -- before it.",
        )
        script: Annotated[str, MultiLine(), Fixed("what an item holds would be run; use `env` or standard input")] = (
            Field(default="", description="A text for /bin/sh instead, with pipes, wildcards and their dangers.")
        )
        output: Literal["json", "text", "lines"] = Field(
            default="text", description="What the program writes: JSON, text (its last line end is cut), or lines."
        )
        into: str = Field(
            default="output",
            description="The field that gets it; if empty, JSON output is the new payload.",
        )
        env: dict[str, _Word] = Field(default_factory=dict, description="Environment variables, beside flowtui's own.")
        cwd: str = Field(default=".", description="The folder to run in, relative to the workflow folder.")
        max_output: Annotated[int, Unit("bytes")] = Field(
            default=10_000_000, ge=1, description="A program that writes more is ended."
        )

        @field_validator("command", mode="before")
        @classmethod
        def _is_list(cls, command: object) -> object:
            if isinstance(command, str):
                raise ValueError("write a list like [ls, -l]; what a shell shall read belongs in `script`")  # noqa: TRY004
            return command

        @field_validator("env")
        @classmethod
        def _sound_env(cls, env: dict[str, str]) -> dict[str, str]:
            for name, value in env.items():
                if not name or "=" in name or "\0" in name + value:
                    raise ValueError(f"{name!r} can't be an environment variable: no name may hold =, nothing a NUL")
            return env

        @model_validator(mode="after")
        def _one_form(self) -> Self:
            if bool(self.command) == bool(self.script):
                raise ValueError("give either `command`, a list like [wc, -c], or `script`, a text for /bin/sh")
            if not self.into and self.output != "json":
                raise ValueError("only `output: json` can be the new payload; give `into`, the field for the output")
            return self

    async def execute(self, data: NodeData) -> NodeData | dict[str, Any]:
        config = self.config
        try:
            given = data.to_json()
        except (TypeError, ValueError) as error:
            raise NodeError(f"{self.id}: the item is no JSON for the program's input: {error}") from error
        command = config.command or ["/bin/sh", "-c", config.script]
        name = Path(command[0]).name if config.command else "the script"
        stdout, stderr, code = await self._run(command, name, given, config)
        if code:
            raise NodeError(f"{self.id}: {name} {_ending(code)}{_last_lines(stderr)}")
        return self._result(data, config, name, stdout)

    async def _run(self, command: list[str], name: str, given: bytes, config: Any) -> tuple[bytes, bytes, int]:
        cwd = self.path(config.cwd)
        if not cwd.is_dir():
            raise NodeError(f"{self.id}: there is no folder {cwd} to run {name} in; see `cwd`")
        # Their own texts are not shown, as they may hold arguments.
        try:
            async with started(command, cwd, {**os.environ, **config.env}, _GRACE_S) as running:
                stdout, stderr = await self._talk(running, given, name, config.max_output)
        except FileNotFoundError:
            raise NodeError(f"{self.id}: there is no program {name!r}: install it, or give its path") from None
        except PermissionError:
            raise NodeError(f"{self.id}: {name} may not be run: is it a program, and executable?") from None
        except OSError as error:
            raise NodeError(f"{self.id}: {name} cannot be started: {os.strerror(error.errno or 0)}") from None
        except ValueError as error:
            raise NodeError(f"{self.id}: {name} cannot be started: {error}") from None
        return stdout, stderr, running.code

    async def _talk(self, running: Command, given: bytes, name: str, most: int) -> tuple[bytes, bytes]:
        """Return what the program has written, once it has ended, or raise if that is too much."""
        async with _Together() as together:
            feeding = together.run(_feed(running, given))
            output = together.run(_read(running.stdout, most))
            errors = together.run(_read_last(running.stderr))
            ended = together.run(running.exited.wait())
            await asyncio.wait({output, ended}, return_when=asyncio.FIRST_COMPLETED)
            if output.done() and output.result() is None:
                raise NodeError(f"{self.id}: {name} wrote more than {most} bytes; raise `max_output` if that is right")
            await ended
            signal_group(running.group, signal.SIGTERM)
            await asyncio.wait({output, errors, feeding}, timeout=_REST_S)
            stdout = output.result() if output.done() else b""
            if stdout is None or not output.done():
                raise NodeError(f"{self.id}: {name} has ended, but what it left running writes on")
            return stdout, errors.result() if errors.done() else b""

    def _result(self, data: NodeData, config: Any, name: str, stdout: bytes) -> NodeData | dict[str, Any]:
        try:
            text = stdout.decode()
        except UnicodeDecodeError as error:
            raise NodeError(f"{self.id}: {name} wrote what is no UTF-8 text, at byte {error.start}") from None
        if config.output == "text":
            return data | {config.into: text.removesuffix("\n")}
        if config.output == "lines":
            return data | {config.into: text.splitlines()}
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            shown = repr(text[:80]) if text else "nothing"
            raise NodeError(f"{self.id}: {name} wrote no JSON ({error}) but {shown}") from None
        if config.into:
            return data | {config.into: value}
        if not isinstance(value, dict):
            raise NodeError(
                f"{self.id}: {name} wrote a JSON {type(value).__name__}, and a payload must be an object: give `into`"
            )
        return value


class _Together:
    """Tasks that end with the block."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[Any]] = []

    def run(self, work: Any) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.ensure_future(work)
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> _Together:
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _feed(running: Command, given: bytes) -> None:
    stdin = running.stdin
    assert stdin is not None
    try:
        stdin.write(given)
        await stdin.drain()
    except (BrokenPipeError, ConnectionResetError):
        pass  # a program need not read it
    finally:
        stdin.close()


async def _read(stream: asyncio.StreamReader | None, most: int) -> bytes | None:
    """Return all that comes, None if it is more than `most` bytes."""
    assert stream is not None
    parts: list[bytes] = []
    size = 0
    while chunk := await stream.read(_CHUNK):
        size += len(chunk)
        if size > most:
            return None
        parts.append(chunk)
    return b"".join(parts)


async def _read_last(stream: asyncio.StreamReader | None) -> bytes:
    """Return the end of all that comes."""
    assert stream is not None
    last = b""
    while chunk := await stream.read(_CHUNK):
        last = (last + chunk)[-_MOST_STDERR:]
    return last


def _ending(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"


def _last_lines(stderr: bytes) -> str:
    lines = deque(
        (line.strip() for line in stderr.decode(errors="replace").splitlines() if line.strip()), _STDERR_LINES
    )
    return f": {' / '.join(lines)}" if lines else ", and wrote no error"
