"""Nodes about folders of files: `directory-watch`."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import stat
import threading
import time
from collections import deque
from collections.abc import Iterable
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import NodeError
from flowtui.model.states import Outcome
from flowtui.nodes.base import NodeConfig, ProducerNode
from flowtui.nodes.claims import Claim, ClaimDesk, is_same
from flowtui.nodes.durations import Duration
from flowtui.nodes.file_names import move, shown, why
from flowtui.nodes.hints import Unit
from flowtui.nodes.watching import FolderBell

#: So many files are claimed at a time: what one instance has claimed the others cannot take.
_CLAIMS = 16
_ADOPT_EVERY_S = 30.0
#: Files that could not be put away, at which no more are claimed.
_MOST_STUCK = 1000


class DirectoryWatch(ProducerNode):
    """Take the files that arrive in a folder, each exactly once.

    An item is `{"path", "name", "size", "modified"}`, and what the file holds if `read` says so. A file is claimed by
    a rename into the folder `claimed`, so any number of loops, processes and machines may share one folder. It moves
    on to `done` once all that came of it is stored, and to `failed` if that is a dead letter; in `path` it is only
    until then. What was claimed when flowtui stopped or was killed is taken up by the next start, with the same item
    id. Names that begin with a dot, links and folders are left alone.
    """

    example: ClassVar = {"path": "inbox", "pattern": "*.json", "read": "json"}

    class Config(NodeConfig):
        path: str = Field(
            min_length=1,
            description="The folder, relative to the workflow folder; ~ is the home directory. Made if missing.",
        )
        pattern: str = Field(default="*", min_length=1, description="Which names count; * and ? match anything.")
        read: Literal["none", "text", "json", "base64"] = Field(
            default="none", description="What of its content the item holds, under the same name."
        )
        max_bytes: Annotated[int, Unit("bytes")] = Field(
            default=1_000_000, ge=1, description="A file above this is not read: it becomes a dead letter."
        )
        settle: Duration = Field(
            default=1.0,
            description="A file counts as complete when it has not changed for so long; 0 if all arrive by rename.",
        )
        claimed: str = Field(
            default="claimed", min_length=1, description="Folder of claims, relative to `path`, on the same disk."
        )
        done: str = Field(default="done", min_length=1, description="Folder of what went well, relative to `path`.")
        failed: str = Field(default="failed", min_length=1, description="Folder of what failed, relative to `path`.")
        keep: Annotated[int, Unit("files")] | None = Field(
            default=None,
            ge=0,
            description="How many files `done` and `failed` keep each, the latest; all unless given.",
        )
        poll: Duration = Field(
            default=5.0, ge=0.01, description="How often to look even if the system reports no change."
        )

    def setup(self) -> None:
        config = self.config
        self._inbox = self.path(config.path)
        self._targets = {Outcome.DONE: self._below(config.done), Outcome.DEAD: self._below(config.failed)}
        self._bell = FolderBell(self._inbox, self.log)
        self._busy = threading.Lock()
        self._closed = False
        self._ready: deque[tuple[Claim, NodeData]] = deque()
        self._out: dict[str, Claim] = {}  # by item id, until it has ended
        self._ended: deque[tuple[Claim, Outcome]] = deque()  # not yet put away
        self._seen: dict[str, tuple[os.stat_result, float]] = {}  # by name: how it looked, and since when
        self._settled: deque[tuple[str, os.stat_result]] = deque()
        self._said: set[str] = set()
        self._trouble = ""
        self._adopt_at = 0.0
        self._finished: dict[str, int] = self.cursor if isinstance(self.cursor, dict) else {}
        self._desk = ClaimDesk(self._below(config.claimed), self.loop, self._inbox)
        try:
            self._inbox.mkdir(parents=True, exist_ok=True)
            self._desk.open()
            elsewhere = os.stat(self._inbox).st_dev != os.stat(self._below(config.claimed)).st_dev
        except OSError as error:
            raise NodeError(f"{shown(error.filename or self._inbox)} cannot be used: {why(error)}") from error
        if elsewhere:
            raise NodeError(
                f"{config.claimed} is on another disk than {config.path}, so nothing can be claimed by a rename: "
                "put `claimed` on the same one"
            )

    def teardown(self) -> None:
        if not hasattr(self, "_desk"):
            return
        self._bell.forget()
        with self._busy:
            self._closed = True
            self._put_away_ended()
            self._desk.close()

    async def execute(self) -> NodeData | None:
        while not self._ready:
            self._bell.clear()
            pause = await asyncio.to_thread(self._look)
            if self._ready:
                break
            if self.waiting != self._trouble:
                self.waiting = self._trouble
                return None
            await self._bell.wait(pause)
        claim, item = self._ready.popleft()
        self._out[item.id] = claim
        self.cursor = {**self._finished, self._desk.name: claim.number}
        return item

    def ended(self, id: str, outcome: Outcome) -> None:
        claim = self._out.pop(id, None)
        # What was given up stays claimed: whether its commit has arrived in the end only the next cursor tells.
        if claim is not None and outcome is not Outcome.GIVEN_UP:
            self._ended.append((claim, outcome))
            self._bell.ring()

    def _below(self, folder: str) -> Path:
        return Path(os.path.normpath(self._inbox / Path(folder).expanduser()))

    # ---- on a worker thread ----

    def _look(self) -> float:
        """Put away what has ended and claim what has arrived; return after how long to look again, in seconds."""
        with self._busy:
            if self._closed:
                return 0.0
            self._trouble = ""
            self._put_away_ended()
            pause: float = self.config.poll
            try:
                if time.monotonic() >= self._adopt_at:
                    self._adopt()
                if not self._settled:
                    pause = min(pause, self._scan())
                    self._desk.renew()
            except OSError as error:
                self._bell.forget()
                self._warn(f"cannot look into {shown(error.filename or self._inbox)}: {why(error)}")
            while self._settled and len(self._ready) < _CLAIMS and len(self._ended) < _MOST_STUCK:
                self._claim(*self._settled.popleft())
            return pause

    def _adopt(self) -> None:
        over: list[bool] = []
        self._finished = self._desk.adopt(
            self._finished, self._hand_out, lambda claim: over.append(self._put_away(claim, Outcome.DONE))
        )
        if over:
            self.log.info("%d files had been finished, but not put away, when the last run ended", len(over))
        self._adopt_at = time.monotonic() + _ADOPT_EVERY_S

    def _scan(self) -> float:
        """Note which files have settled; return when the next one may have, in seconds."""
        now, settle = time.monotonic(), self.config.settle
        seen, self._seen = self._seen, {}
        soonest = float("inf")
        for name, status in sorted(self._arrived(), key=lambda each: each[0]):
            before, since = seen.get(name, (status, now))
            if not is_same(before, status):
                since = now
            self._seen[name] = status, since
            if now - since >= settle:
                self._settled.append((name, status))
            else:
                soonest = min(soonest, since + settle - now)
        return soonest

    def _arrived(self) -> Iterable[tuple[str, os.stat_result]]:
        pattern = self.config.pattern
        hidden = pattern.startswith(".")
        with os.scandir(self._inbox) as entries:
            for entry in entries:
                name = entry.name
                if fnmatchcase(name, pattern) and (hidden or not name.startswith(".")):
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        if stat.S_ISREG(status.st_mode):
                            yield name, status

    def _claim(self, name: str, settled: os.stat_result) -> None:
        try:
            claim = self._desk.take(name, settled)
        except OSError as error:
            self._warn(f"cannot claim {shown(self._inbox / name)}: {why(error)}")
        else:
            self._seen.pop(name, None)
            if claim is not None:
                self._hand_out(claim)

    def _hand_out(self, claim: Claim) -> None:
        self._ready.append((claim, self._item(claim)))

    def _item(self, claim: Claim) -> NodeData:
        status = claim.status
        about = {
            "path": shown(claim.path),
            "name": shown(claim.name),
            "size": status.st_size,
            "modified": datetime.fromtimestamp(status.st_mtime, UTC).isoformat(timespec="milliseconds"),
        }
        try:
            return NodeData(about | self._content(claim), claim.id)
        except ValueError as error:
            return Unreadable(f"{about['name']} {error}", about, claim.id)
        except OSError as error:
            return Unreadable(f"{about['name']} cannot be read: {why(error)}", about, claim.id)

    def _content(self, claim: Claim) -> dict[str, Any]:
        """Return what the item says of the content; raises ValueError with what is wrong with it."""
        form, limit = self.config.read, self.config.max_bytes
        if form == "none":
            return {}
        # Whatever is at that path now: a link would lead out of the folder, a pipe would never end.
        with open(claim.path, "rb", opener=lambda path, flags: os.open(path, flags | os.O_NOFOLLOW)) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise ValueError(f"has {claim.status.st_size:,} bytes, and max_bytes is {limit:,}")
        if form == "base64":
            return {form: base64.b64encode(content).decode()}
        try:
            text = content.decode("utf-8-sig")
            return {form: text if form == "text" else json.loads(text)}
        except UnicodeDecodeError as error:
            raise ValueError(f"is no UTF-8 text: byte {error.start} is 0x{content[error.start]:02x}") from error
        except (ValueError, RecursionError) as error:
            raise ValueError(f"is no JSON: {error}") from error

    def _put_away_ended(self) -> None:
        moved = set()
        for _ in range(len(self._ended)):
            claim, outcome = self._ended.popleft()
            if self._put_away(claim, outcome):
                moved.add(outcome)
            else:
                self._ended.append((claim, outcome))
        for outcome in moved if self.config.keep is not None else ():
            self._prune(self._targets[outcome], self.config.keep)

    def _put_away(self, claim: Claim, outcome: Outcome) -> bool:
        folder = self._targets[outcome]
        try:
            move(claim.path, folder, claim.name, claim.id)
        except FileNotFoundError:
            self.log.warning("%s is gone: somebody else has moved or deleted it", shown(claim.path))
        except OSError as error:
            self._warn(f"cannot put {shown(claim.name)} into {shown(folder)}, so it stays claimed: {why(error)}")
            return False
        return True

    def _prune(self, folder: Path, keep: int) -> None:
        try:
            with os.scandir(folder) as entries:
                files = [
                    (each.stat(follow_symlinks=False).st_ctime_ns, each.path) for each in entries if each.is_file()
                ]
            for _, path in sorted(files)[: max(0, len(files) - keep)]:
                os.unlink(path)
        except OSError as error:
            self._warn(f"cannot delete old files of {shown(folder)}: {why(error)}")

    def _warn(self, text: str) -> None:
        """Show it on the loop as long as it lasts, and log it once."""
        self._trouble = text
        if text not in self._said:
            self._said.add(text)
            self.log.warning("%s", text)
