"""Configs and test cases that are written to their files, whole or not at all; the reload finds configs there."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flowtui.engine.deployment import Deployment
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.cases import CASES_FOLDER, TestCase
from flowtui.model.development import SavedConfig, SourcePlace
from flowtui.model.errors import FileChanged, NotSaved, UnknownNode
from flowtui.model.spelling import did_you_mean
from flowtui.nodes.described import author_place
from flowtui.nodes.registry import NodeType
from flowtui.workflow.case_texts import new_file, with_case
from flowtui.workflow.edits import with_config
from flowtui.workflow.source import text_digest


class ConfigFiles:
    """The workflow files of the loops that there are; for the tasks of one event loop."""

    def __init__(self, deployment: Deployment, folder: Path) -> None:
        self._deployment = deployment
        self._folder = folder
        self._one_at_a_time = asyncio.Lock()

    async def save(self, loop: str, node: str, config: Mapping[str, Any], digest: str) -> SavedConfig:
        """Write the config of a node to its file.

        Raises:
            UnknownLoop, UnknownNode: if there is none of that id, or it is gone from the file.
            FileChanged: if the file is not the one that `digest` was made from, which stays as it is.
            NotSaved: if it can't be written; the file is as it was.
        """
        path = self._plan_of(loop, node).path
        types = {each.type.name: each.type for loop in self._deployment.loops.values() for each in loop.plan.nodes}
        async with self._one_at_a_time:
            return await asyncio.to_thread(save_config, path, node, config, digest, types)

    async def undo(self, saved: SavedConfig) -> SavedConfig:
        """Give a file the text back that it had before a config was saved; what is returned undoes this.

        Raises:
            FileChanged: if the file has changed since.
            NotSaved: if it can't be written, or belongs to no loop; the file is as it was.
        """
        if all(loop.plan.path != saved.path for loop in self._deployment.loops.values()):
            raise NotSaved(f"{saved.path} holds none of the loops here: nothing was written")
        async with self._one_at_a_time:
            return await asyncio.to_thread(undo_config, saved)

    async def save_case(self, case: TestCase) -> Path:
        """Write a test case behind the others of its workflow, in `tests/` of the folder; return its file.

        Raises:
            FileChanged: if somebody else changed the file meanwhile, which stays as it is.
            NotSaved: if it has a case of that name, or can't be written; it is as it was.
        """
        async with self._one_at_a_time:
            return await asyncio.to_thread(save_case, self._folder, case)

    async def source_of(self, loop: str, node: str) -> SourcePlace:
        """Return where a node's code stands: its author's, else its lines in the workflow file.

        Without a node it is the loop's producer in the workflow file.

        Raises:
            UnknownLoop, UnknownNode: if there is none of that id.
        """
        plan = self._plan_of(loop, node)
        if not node:
            return SourcePlace(plan.path, plan.nodes[0].line)
        found = next(each for each in plan.nodes if each.id == node)
        written = await asyncio.to_thread(author_place, found.type)
        return SourcePlace(*(written or (plan.path, found.line)))

    def _plan_of(self, loop: str, node: str) -> ExecutionPlan:
        plan = self._deployment.get(loop).plan
        ids = [each.id for each in plan.nodes]
        if node and node not in ids:
            raise UnknownNode(f"{loop} has no node '{node}'{did_you_mean(node, ids) or ': it may have been removed'}")
        return plan


def save_config(
    path: Path, node: str, config: Mapping[str, Any], digest: str, types: Mapping[str, NodeType]
) -> SavedConfig:
    """Write the config of a node to a workflow file; raises what `ConfigFiles.save` does."""
    before = _read(path)
    if text_digest(before) != digest:
        raise FileChanged(f"{path} has changed since it was read: nothing was written; look at it again first")
    text = _text(path, before)
    after = with_config(path, text, node, config, types).encode()
    if after != before:
        _replace(path, before, after)
    return SavedConfig(path, text_digest(after), text)


def undo_config(saved: SavedConfig) -> SavedConfig:
    """Give a file the text back that it had before; raises what `ConfigFiles.undo` does."""
    before = _read(saved.path)
    if text_digest(before) != saved.digest:
        raise FileChanged(f"{saved.path} has changed since it was saved: it stays as it is, so that nothing is lost")
    after = saved.before.encode()
    _replace(saved.path, before, after)
    return SavedConfig(saved.path, text_digest(after), _text(saved.path, before))


def give_text(path: Path, text: bytes, digest: str) -> None:
    """Give a file another text, or, if `digest` is empty, make the file.

    Raises:
        FileChanged: if it is not the one that `digest` was made from, or there is one that should be gone.
        NotSaved: if it can't be written; it is as it was.
    """
    if not digest:
        if os.path.lexists(path):
            raise FileChanged(f"{path} is there again: it stays as it is; look at it first")
        if not path.parent.is_dir():
            raise NotSaved(f"{path.parent} is gone, so that {path.name} can't be written; put the folder back first")
        _create(path, text)
        return
    before = _read(path)
    if text_digest(before) != digest:
        raise FileChanged(f"{path} has changed since it was looked at: it stays as it is; look at it again first")
    _replace(path, before, text)


def save_case(folder: Path, case: TestCase) -> Path:
    """Write a test case to the file of its workflow's cases; raises what `ConfigFiles.save_case` does."""
    if not case.name.strip():
        raise NotSaved("a test case needs a name, which says what holds")
    places = [folder / CASES_FOLDER / f"{case.workflow}{suffix}" for suffix in (".yaml", ".yml")]
    path = next((each for each in places if os.path.lexists(each)), places[0])
    if not os.path.lexists(path):
        _create(path, new_file(path, case).encode())
        return path
    before = _read(path)
    _replace(path, before, with_case(path, _text(path, before), case).encode())
    return path


def _create(path: Path, text: bytes) -> None:
    try:
        if not path.parent.is_dir():
            path.parent.mkdir()
        with path.open("xb") as file, contextlib.ExitStack() as if_it_fails:
            if_it_fails.callback(path.unlink)
            file.write(text)
            file.flush()
            if_it_fails.pop_all()
    except OSError as error:  # also if somebody else has made it at this moment
        raise _not_saved(path, error) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileChanged(f"{path} is gone: nothing was written; put it back first") from None
    except OSError as error:
        raise _not_saved(path, error) from error


def _text(path: Path, data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise NotSaved(f"{path} is no UTF-8 text: nothing was written") from None


def _not_saved(path: Path, error: OSError) -> NotSaved:
    reason = (error.strerror or str(error)).lower()
    return NotSaved(f"{path} can't be written: {reason}; it is as it was")


def _replace(path: Path, before: bytes, after: bytes) -> None:
    """Give a file another content, if it still has the one that is expected; a link stays one, and so does the mode."""
    target = Path(os.path.realpath(path))
    try:
        state = target.stat()
        # To replace a file asks for no permission of its own, and root is denied nothing.
        if not (state.st_mode & 0o222 and os.access(target, os.W_OK)):
            raise NotSaved(f"{path} is read-only: nothing was written; make it writable first")
        is_anothers = state.st_uid != os.geteuid() and os.geteuid() != 0
        if state.st_nlink > 1 or is_anothers or not os.access(target.parent, os.W_OK):
            _write_into(path, target, before, after)
        else:
            _write_beside(path, target, state, before, after)
    except OSError as error:
        raise _not_saved(path, error) from error


def _write_beside(path: Path, target: Path, state: os.stat_result, before: bytes, after: bytes) -> None:
    """Write a file of its own and let it take the place: nobody ever sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(after)
            file.flush()
            os.fsync(descriptor)
        shutil.copystat(target, name)
        os.utime(name)
        if (state.st_uid, state.st_gid) != (os.geteuid(), os.getegid()):
            with contextlib.suppress(PermissionError):  # a group that its owner has left
                os.chown(name, state.st_uid, state.st_gid)
        _expect(path, target, before)
        os.replace(name, target)
    finally:
        Path(name).unlink(missing_ok=True)


def _write_into(path: Path, target: Path, before: bytes, after: bytes) -> None:
    """Write over the content: the file has another name too, or another owner, or there can be no second one."""
    with target.open("r+b", buffering=0) as file:
        descriptor = file.fileno()
        _expect(path, target, before)
        try:
            os.posix_fallocate(descriptor, 0, len(after))  # a full disk is told before anything is changed
            _overwrite(descriptor, after)
        except OSError:
            _overwrite(descriptor, before)
            raise


def _overwrite(descriptor: int, data: bytes) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], written)
    os.ftruncate(descriptor, len(data))
    os.fsync(descriptor)


def _expect(path: Path, target: Path, before: bytes) -> None:
    if _read(target) != before:
        raise FileChanged(f"{path} was changed by somebody else at this moment: nothing was written; look at it again")
