"""Nodes about files that grow: `file-tail`."""

from __future__ import annotations

import asyncio
import glob
import os
import re
import stat
import threading
from collections import deque
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from flowtui.model.data import NodeData
from flowtui.model.ids import derived_id
from flowtui.nodes.base import NodeConfig, ProducerNode
from flowtui.nodes.durations import Duration
from flowtui.nodes.file_names import shown, why
from flowtui.nodes.hints import Unit
from flowtui.nodes.tails import Line, Place, Tail

_MOST_FILES = 500


class FileTail(ProducerNode):
    r"""Follow files that grow, such as logs: each new line is an item.

    An item is `{"line", "path", "offset"}`; the offset is where the line begins, in bytes. Each comes once: after a
    restart or a crash it goes on behind the last line that was committed, also if the file was renamed meanwhile. A
    renamed file is read to its end before the new one of that name; one that was cut is read anew. A line counts when
    it is complete. Bytes that are no UTF-8 are shown as `\xff`. One that is too long comes in parts, all but the last
    with `"cut": true`.
    """

    example: ClassVar = {"paths": ["/var/log/app/*.log"], "start": "end"}

    class Config(NodeConfig):
        paths: list[Annotated[str, Field(min_length=1)]] = Field(
            min_length=1,
            description="The files, relative to the workflow folder; ~ is the home directory, * and ? match "
            "any name, and files that come later are followed too.",
        )
        start: Literal["end", "beginning"] = Field(
            default="end",
            description="Where to begin at the very first start, in files that are there; others from their beginning.",
        )
        multiline: str | None = Field(
            default=None,
            description=r"Regular expression for the first line of a record; other lines belong to the one before. "
            "The last record comes when its file has been quiet for a second.",
        )
        max_line: Annotated[int, Unit("bytes")] = Field(
            default=65_536, ge=16, le=16_000_000, description="The longest line, or record, that is not cut."
        )
        poll: Duration = Field(default=0.25, ge=0.001, description="How often to look for more.")

        @field_validator("multiline")
        @classmethod
        def _check_expression(cls, text: str | None) -> str | None:
            if text is not None:
                try:
                    re.compile(text)
                except re.error as error:
                    raise ValueError(f"this is no regular expression: {error}") from error
            return text

    def setup(self) -> None:
        config = self.config
        known = self.cursor if isinstance(self.cursor, dict) else None
        self._patterns = config.paths
        self._begins = None if config.multiline is None else re.compile(config.multiline)
        self._busy = threading.Lock()
        self._lines: deque[tuple[Tail, Line]] = deque()
        self._said: set[str] = set()
        self._places: dict[str, list[int]] = dict(known or {})  # up to the last line that was handed out
        self._tails = {name: self._tail(name, Place(*place)) for name, place in self._places.items()}
        if known is None and config.start == "end":
            for name in self._found():
                self._skip(name)
        self.cursor = self._places

    def teardown(self) -> None:
        with getattr(self, "_busy", threading.Lock()):
            for tail in getattr(self, "_tails", {}).values():
                tail.close()
            self._tails = {}

    async def execute(self) -> NodeData | None:
        while not self._lines:
            waiting = await asyncio.to_thread(self._look)
            if self._lines:
                break
            if waiting != self.waiting:
                self.waiting = waiting
                return None
            await asyncio.sleep(self.config.poll)
        tail, line = self._lines.popleft()
        self._places[tail.path] = list(line.place)
        self.cursor = self._places
        payload = {"line": line.text, "path": tail.shown, "offset": line.offset}
        if line.is_cut:
            payload["cut"] = True
        return NodeData(payload, derived_id(f"{tail.shown}|{line.place.inode}", line.text, line.offset))

    # ---- on a worker thread ----

    def _look(self) -> str:
        """Take over new lines of all files; return what there is to wait for, empty if only for more lines."""
        with self._busy:
            found = self._found()
            for name in found:
                if name not in self._tails:
                    self._tails[name] = self._tail(name)
            if not self._tails:
                return f"there is no file {', '.join(self._patterns)} yet"
            troubles = [self._read(tail) for tail in list(self._tails.values())]
            return troubles[0] if all(troubles) else ""  # one of many that cannot be read holds nobody up

    def _read(self, tail: Tail) -> str:
        """Take over the new lines of a file; return why it cannot be read, empty if it can."""
        trouble = ""
        try:
            self._lines.extend([(tail, line) for line in tail.read()])
        except FileNotFoundError:
            tail.close()
            del self._tails[tail.path]
            self._places.pop(tail.path, None)
        except OSError as error:
            trouble = f"cannot read {tail.shown}: {why(error)}"
            self._warn(trouble)
        if tail.gone:
            self.log.warning("%s", tail.gone)
            tail.gone = ""
        return trouble

    def _found(self) -> list[str]:
        """Return the names of the files to follow; pipes and folders are none."""
        found = set()
        for pattern in self._patterns:
            path = str(self.path(pattern))
            found.update([path] if not glob.has_magic(path) else glob.glob(path))
        names = sorted(os.path.abspath(path) for path in found if _is_file(path))
        if len(names) > _MOST_FILES:
            self._warn(
                f"{len(names)} files match, and only the first {_MOST_FILES} are followed: give a closer pattern"
            )
        return names[:_MOST_FILES]

    def _tail(self, name: str, place: Place | None = None) -> Tail:
        return Tail(name, self.config.max_line, self._begins, place)

    def _skip(self, name: str) -> None:
        self._tails[name] = tail = self._tail(name)
        try:
            self._places[name] = list(tail.skip())
        except OSError as error:
            del self._tails[name]
            self._warn(f"cannot read {shown(name)}: {why(error)}")

    def _warn(self, text: str) -> None:
        if text not in self._said:
            self._said.add(text)
            self.log.warning("%s", text)


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False
