"""A proxy of ours between clients and a Redis server, which loses replies, cuts connections and holds calls back."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import threading
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Self

import hiredis

from flowtui.storage.scripts import script

PATIENCE_S = 30.0
_CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class Call:
    """One command on its way to the server.

    Attributes:
        name: the script's for a call of one of ours, else the command's in small letters.
        arguments: what follows the name; of a script, what follows its keys.
    """

    name: str
    arguments: tuple[bytes, ...]

    @property
    def subject(self) -> str:
        """The first argument: of most scripts the owner, of a plain command the key."""
        return self.arguments[0].decode(errors="replace") if self.arguments else ""

    @property
    def pid(self) -> int:
        """The process whose owner calls."""
        return int(self.subject.split(":")[1])


class Moment(Enum):
    """Where a call stands when it is caught."""

    BEFORE = "before it reached the server"
    AFTER = "after it was done, before its reply"


class Trap:
    """Catches one call and keeps it until `release` or `cut`; decided beforehand, the call is not kept at all.

    A call that the server refuses, as when it does not know the script yet, is not one that was done.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, wanted: Callable[[Call], bool], number: int, moment: Moment
    ) -> None:
        self.moment = moment
        self._loop = loop
        self._wanted = wanted
        self._left = number
        self._caught = threading.Event()
        self._answered = threading.Event()
        self._call: Call | None = None
        self._refusal = b""
        self._decided = asyncio.Event()
        self._cuts = False

    # ---- for the test, on any thread ----

    @property
    def is_caught(self) -> bool:
        """Whether the call has come."""
        return self._caught.is_set()

    def wait(self, patience: float = PATIENCE_S) -> Call:
        """Wait until the call stands where it is to be caught, and return it."""
        assert self._caught.wait(patience), f"no such call came {self.moment.value}"
        assert self._call is not None
        return self._call

    def release(self) -> None:
        """Let it go on its way; if it is caught, return when the server has answered it."""
        self._decide(cuts=False)
        if self.is_caught:
            assert self._answered.wait(PATIENCE_S), f"the server did not answer {self._call}"
            assert not self._refusal, f"the server did not do {self._call}: {self._refusal}"

    def cut(self) -> None:
        """Hang up on both sides: the call, or its reply, is lost."""
        self._decide(cuts=True)

    def _decide(self, *, cuts: bool) -> None:
        self._cuts = cuts
        self._loop.call_soon_threadsafe(self._decided.set)

    # ---- for the proxy, on its thread ----

    def takes(self, call: Call) -> bool:
        """Tell whether this is the call to catch, counting those that came before."""
        if not self._wanted(call):
            return False
        self._left -= 1
        if self._left == 0:
            self._call = call
        return self._left == 0

    def note_answer(self, reply: bytes) -> bool:
        """Take in what the server says; return whether the call was done."""
        self._refusal = reply if reply.startswith(b"-") else b""
        if not self._refusal or self.moment is Moment.BEFORE:
            self._answered.set()
        else:
            self._left = 1
        return not self._refusal

    async def hold(self) -> bool:
        """Keep the call until it is decided; return whether it may go on."""
        self._caught.set()
        await self._decided.wait()
        return not self._cuts


class FaultProxy:
    """Stands before a server, on a thread of its own.

    Attributes:
        calls: how many calls of each name came through.
        connections: how many connections were made to it.
    """

    def __init__(self, server: str | tuple[str, int], listen_at: Path | None = None) -> None:
        """`server` is the path of a socket, or host and port; without `listen_at`, a path, a free port is taken."""
        self.calls: Counter[str] = Counter()
        self.connections = 0
        self._server = server
        self._listen_at = listen_at
        self._names = _script_names()
        self._traps: list[Trap] = []
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._work(),), name="fault-proxy")
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE_S)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join()
        self._loop.close()

    def catch(
        self,
        name: str,
        about: str = "",
        *,
        number: int = 1,
        moment: Moment = Moment.BEFORE,
        where: Callable[[Call], bool] = lambda _: True,
    ) -> Trap:
        """Catch the next call of that name, or the one with that number from now on.

        `about` must be a part of the call's subject, as a loop's id is a part of its owners' names; `where` may ask
        for more.
        """

        def wanted(call: Call) -> bool:
            return call.name == name and about in call.subject and where(call)

        trap = Trap(self._loop, wanted, number, moment)
        self._traps.append(trap)
        return trap

    def cut_all(self) -> None:
        """Hang up on every client; a call that is held may still go on to the server."""
        self._loop.call_soon_threadsafe(self._abort_all)

    def _abort_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    # ---- on the thread ----

    async def _work(self) -> None:
        if self._listen_at is not None:
            listener = await asyncio.start_unix_server(self._accept, self._listen_at)
            self.url = f"unix://{self._listen_at}"
        else:
            listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
            self.url = f"redis://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        self._ready.set()
        await self._ending.wait()
        listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._abort_all()  # one whose task had not begun has closed nothing
        await listener.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def set_again(self, trap: Trap) -> None:
        """Let it catch another call, as the server has refused the one that it caught."""
        self._traps.append(trap)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # A server that is away looks like one that hangs up.
            with contextlib.suppress(OSError):
                server_reader, server_writer = await self._connect()
                line = _Line(self, reader, writer, server_reader, server_writer)
                await line.serve()
        finally:
            self._writers.discard(writer)
            await _close(writer)

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._server, str):
            return await asyncio.open_unix_connection(self._server)
        return await asyncio.open_connection(*self._server)

    def pass_through(self, command: list[bytes]) -> tuple[Call, Trap | None]:
        """Count a command; return it, and what shall catch it."""
        name, arguments = command[0].decode().lower(), command[1:]
        if name in ("evalsha", "eval"):
            keys = int(arguments[1])
            sha = arguments[0].decode() if name == "evalsha" else hashlib.sha1(arguments[0]).hexdigest()
            name = self._names.get(sha, name)
            arguments = arguments[2 + keys :]
        call = Call(name, tuple(arguments))
        self.calls[name] += 1
        trap = next((trap for trap in self._traps if trap.takes(call)), None)
        if trap is not None:
            self._traps.remove(trap)
        return call, trap


class _Line:
    """One connection through the proxy."""

    def __init__(
        self,
        proxy: FaultProxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        server_reader: asyncio.StreamReader,
        server_writer: asyncio.StreamWriter,
    ) -> None:
        self._proxy = proxy
        self._reader, self._writer = reader, writer
        self._server_reader, self._server_writer = server_reader, server_writer
        self._unanswered: deque[Trap | None] = deque()
        self._all_answered = asyncio.Event()

    async def serve(self) -> None:
        tasks = {asyncio.create_task(self._there()), asyncio.create_task(self._back())}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            try:
                await asyncio.gather(*tasks, return_exceptions=True)
            finally:
                await _close(self._server_writer)

    async def _there(self) -> None:
        frames = _Frames()
        commands = hiredis.Reader()
        while data := await self._reader.read(_CHUNK):
            for frame in frames.split(data):
                commands.feed(frame)
                _, trap = self._proxy.pass_through(commands.gets())
                if trap is not None and trap.moment is Moment.BEFORE and not await trap.hold():
                    return
                self._unanswered.append(trap)
                self._all_answered.clear()
                self._server_writer.write(frame)
        # A client that has given up does not end its last call: that goes on to the server.
        if self._unanswered:
            await self._all_answered.wait()

    async def _back(self) -> None:
        frames = _Frames()
        while data := await self._server_reader.read(_CHUNK):
            for frame in frames.split(data):
                # What a subscription sends is no reply to anything.
                trap = self._unanswered.popleft() if self._unanswered else None
                if not self._unanswered:
                    self._all_answered.set()
                if trap is not None:
                    is_done = trap.note_answer(frame)
                    if trap.moment is Moment.AFTER and not is_done:
                        self._proxy.set_again(trap)
                    elif trap.moment is Moment.AFTER and not await trap.hold():
                        return
                self._writer.write(frame)


class _Frames:
    """Cuts a stream of the protocol into commands or replies."""

    def __init__(self) -> None:
        self._data = b""

    def split(self, data: bytes) -> list[bytes]:
        """Return what is whole by now."""
        self._data += data
        found = []
        at = 0
        while (end := _end_of_frame(self._data, at)) > 0:
            found.append(self._data[at:end])
            at = end
        self._data = self._data[at:]
        return found


def _end_of_frame(data: bytes, start: int) -> int:
    """Return where the frame that begins at `start` ends, -1 if that is not there yet."""
    line = data.find(b"\r\n", start)
    if line < 0:
        return -1
    kind, end = data[start : start + 1], line + 2
    if kind == b"$" and data[start + 1 : line] != b"-1":
        end += int(data[start + 1 : line]) + 2
    elif kind == b"*":
        for _ in range(int(data[start + 1 : line])):
            end = _end_of_frame(data, end)
            if end < 0:
                return -1
    return end if end <= len(data) else -1


def _script_names() -> dict[str, str]:
    folder = resources.files("flowtui.storage") / "lua"
    names = [path.name.removesuffix(".lua") for path in folder.iterdir() if path.name.endswith(".lua")]
    return {hashlib.sha1(script(name).encode()).hexdigest(): name for name in names if "common" not in name}


async def _close(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
