"""`directory-watch`, with real folders: nothing is lost, nothing is taken twice."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import NodeError
from flowtui.model.states import Outcome
from flowtui.nodes import claims, file_names
from flowtui.nodes.builtin.folders import DirectoryWatch


def put(folder: Path, *names: str, text: str = "{}") -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f".{name}").write_text(text)
        (folder / f".{name}").rename(folder / name)


def names(folder: Path) -> list[str]:
    return sorted(each for each in os.listdir(folder) if each != ".lock") if folder.exists() else []


def claimed(inbox: Path) -> list[str]:
    return sorted(path.name for path in inbox.glob("claimed/*/*") if path.name != ".lock")


class Watching:
    """A node that watches `inbox`, as the engine uses it."""

    def __init__(self, folder: Path, loop: str = "flow.in", cursor: Any = None, **config: Any) -> None:
        values = {"path": "inbox", "settle": 0, "poll": 0.05, **config}
        self.node = DirectoryWatch(DirectoryWatch.Config.model_validate(values), id="in", loop=loop, folder=folder)
        self.node.cursor = cursor
        self.node.setup()

    async def next(self) -> NodeData:
        """The next item; the node may say several times what it waits for."""
        async with asyncio.timeout(10):
            while (item := await self.node.execute()) is None:
                await asyncio.sleep(0)
        return item

    async def nothing(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.15):
                return await self.node.execute() is None
        return True

    async def until_it_says(self, text: str) -> None:
        async with asyncio.timeout(10):
            while text not in self.node.waiting:
                await self.node.execute()

    async def until(self, condition: Callable[[], object]) -> None:
        """Look, as the loop does, until the node has done its work behind the scenes."""
        async with asyncio.timeout(10):
            while not condition():
                await self.nothing()

    @property
    def saved(self) -> Any:
        return json.loads(json.dumps(self.node.cursor))


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watching]]:
    made: list[Watching] = []

    def make(*args: Any, **config: Any) -> Watching:
        made.append(Watching(tmp_path, *args, **config))
        return made[-1]

    yield make
    for each in made:
        each.node.teardown()


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


async def test_files_come_in_the_order_of_their_names_and_are_claimed(watch: Any, inbox: Path) -> None:
    put(inbox, "b.json", "a.json", "c.txt")
    (inbox / ".hidden.json").touch()
    (inbox / "folder.json").mkdir()
    os.symlink("/etc/passwd", inbox / "link.json")
    watching = watch(pattern="*.json")
    first, second = await watching.next(), await watching.next()
    assert (first["name"], second["name"]) == ("a.json", "b.json")
    assert {*first} == {"path", "name", "size", "modified"}
    assert claimed(inbox) == ["00000001-a.json", "00000002-b.json"]
    assert os.stat(first["path"]).st_size == 2
    assert names(inbox) == [".hidden.json", "c.txt", "claimed", "folder.json", "link.json"]
    assert await watching.nothing()


async def test_a_file_that_arrives_later_is_noticed_without_a_poll(watch: Any, inbox: Path) -> None:
    watching = watch(poll=3600)
    waiting = asyncio.create_task(watching.next())
    async with asyncio.timeout(10):
        while not waiting.done():
            put(inbox, "a.json")  # again, as nobody says when the system has begun to watch
            await asyncio.wait([waiting], timeout=0.3)
    assert waiting.result()["name"] == "a.json"


@pytest.mark.parametrize(("outcome", "folder"), [(Outcome.DONE, "done"), (Outcome.DEAD, "failed")])
async def test_a_file_moves_on_when_it_is_known_what_became_of_it(
    watch: Any, inbox: Path, outcome: Outcome, folder: str
) -> None:
    put(inbox, "a.json", text="[1]")
    watching = watch()
    item = await watching.next()
    assert claimed(inbox) == ["00000001-a.json"]
    watching.node.ended(item.id, outcome)
    await watching.until(lambda: names(inbox / folder))
    assert (inbox / folder / "a.json").read_text() == "[1]"
    assert claimed(inbox) == []


async def test_what_was_given_up_stays_claimed_and_comes_again_with_the_same_id(watch: Any, inbox: Path) -> None:
    put(inbox, "a.json", "b.json")
    watching = watch()
    first, second = await watching.next(), await watching.next()
    watching.node.ended(first.id, Outcome.GIVEN_UP)
    watching.node.ended(second.id, Outcome.GIVEN_UP)
    watching.node.teardown()
    assert claimed(inbox) == ["00000001-a.json", "00000002-b.json"]
    again = watch()
    assert [(await again.next()).id for _ in range(2)] == [first.id, second.id]
    assert await again.nothing()


async def test_after_a_crash_exactly_what_was_not_committed_comes_again(watch: Any, inbox: Path) -> None:
    put(inbox, "a.json", "b.json", "c.json")
    watching = watch()
    await watching.next()
    committed = watching.saved
    await watching.next()
    watching.node.teardown()  # it was never told what became of them
    put(inbox, "0.json")
    again = watch(cursor=committed)
    assert [(await again.next())["name"] for _ in range(3)] == ["b.json", "c.json", "0.json"]
    assert names(inbox / "done") == ["a.json"]


async def test_what_a_live_run_has_claimed_is_left_to_it_until_it_ends(
    watch: Any, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowtui.nodes.builtin.folders._ADOPT_EVERY_S", 0.0)
    put(inbox, "a.json")
    alive = watch()
    await alive.next()
    other = watch()
    assert await other.nothing()
    alive.node.teardown()
    assert (await other.next())["name"] == "a.json"


async def test_the_claims_of_another_loop_are_none_of_its_business(watch: Any, inbox: Path) -> None:
    put(inbox, "a.json")
    ended = watch("flow.other")
    await ended.next()
    ended.node.teardown()
    assert await watch().nothing()
    assert claimed(inbox) == ["00000001-a.json"]


async def test_of_several_loops_on_one_folder_each_file_is_taken_by_one(watch: Any, inbox: Path) -> None:
    wanted = [f"{n:03d}.json" for n in range(60)]
    put(inbox, *wanted)
    found: list[str] = []

    async def work(watching: Watching) -> None:
        while len(found) < len(wanted):
            item = await watching.node.execute()
            if item is not None:
                found.append(item["name"])

    tasks = [asyncio.create_task(work(watch(f"flow.in{n}"))) for n in range(3)]
    async with asyncio.timeout(20):
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    assert sorted(found) == wanted


async def test_a_file_counts_when_it_has_not_changed_for_a_while(watch: Any, inbox: Path) -> None:
    watching = watch(settle="300ms", poll=0.02)
    waiting = asyncio.create_task(watching.next())
    with (inbox / "slow.json").open("w") as file:
        for _ in range(8):
            file.write("x")
            file.flush()
            await asyncio.sleep(0.1)
            assert not waiting.done()
    assert (await waiting)["size"] == 8


async def test_a_file_that_grows_while_it_is_claimed_goes_back(watch: Any, inbox: Path) -> None:
    put(inbox, "a.json")
    watching = watch()
    seen = os.lstat(inbox / "a.json")
    with (inbox / "a.json").open("a") as file:
        file.write(" ")
    assert watching.node._desk.take("a.json", seen) is None
    assert (await watching.next())["size"] == 3


async def test_what_has_vanished_before_it_was_claimed_is_passed_over(watch: Any, inbox: Path) -> None:
    put(inbox, "a.json")
    watching = watch()
    seen = os.lstat(inbox / "a.json")
    os.unlink(inbox / "a.json")
    assert watching.node._desk.take("a.json", seen) is None
    assert await watching.nothing()
    assert watching.node.waiting == ""


@pytest.mark.parametrize(
    ("read", "content", "given"),
    [
        ("text", b"\xef\xbb\xbfZo\xc3\xab\n", "Zoë\n"),
        ("json", b'[1, {"a": null}]', [1, {"a": None}]),
        ("base64", b"\xff\x00", "/wA="),
    ],
)
async def test_the_item_may_hold_the_content(watch: Any, inbox: Path, read: str, content: bytes, given: object) -> None:
    put(inbox)
    (inbox / "a.json").write_bytes(content)
    assert (await watch(read=read).next())[read] == given


@pytest.mark.parametrize(
    ("read", "content", "reason"),
    [
        ("text", b"ab\xff", r"a\.json is no UTF-8 text: byte 2 is 0xff"),
        ("json", b"{", r"a\.json is no JSON: .*line 1 column 2"),
        ("json", b"[" * 90 + b"1", r"a\.json is no JSON: "),
        ("text", b"x" * 101, r"a\.json has 101 bytes, and max_bytes is 100"),
    ],
)
async def test_what_cannot_be_read_is_an_item_that_says_why(
    watch: Any, inbox: Path, read: str, content: bytes, reason: str
) -> None:
    put(inbox)
    (inbox / "a.json").write_bytes(content)
    item = await watch(read=read, max_bytes=100).next()
    assert isinstance(item, Unreadable)
    assert item["name"] == "a.json"
    with pytest.raises(ValueError, match=reason):
        raise ValueError(item.reason)


async def test_a_file_that_is_swapped_for_a_link_is_not_followed(watch: Any, inbox: Path) -> None:
    put(inbox, "a.json")
    watching = watch(read="text")
    desk = watching.node._desk
    claim = desk.take("a.json", os.lstat(inbox / "a.json"))
    os.unlink(claim.path)
    os.symlink("/etc/passwd", claim.path)
    item = watching.node._item(claim)
    assert isinstance(item, Unreadable)
    assert "cannot be read" in item.reason


async def test_names_may_hold_anything(watch: Any, inbox: Path) -> None:
    odd = [b"line\nbreak.json", b"sp ace.json", b"\xff\xfe.json"]
    put(inbox, *map(os.fsdecode, odd))
    watching = watch(read="json")
    items = [await watching.next() for _ in odd]
    assert [item["name"] for item in items] == ["line\nbreak.json", "sp ace.json", r"\xff\xfe.json"]
    for item in items:
        json.loads(item.to_json())
        watching.node.ended(item.id, Outcome.DONE)
    await watching.until(lambda: len(names(inbox / "done")) == 3)
    assert sorted(os.listdir(os.fsencode(inbox / "done"))) == odd


async def test_equal_names_in_done_get_a_number(watch: Any, inbox: Path) -> None:
    watching = watch()
    for text in ("1", "22", "333"):
        put(inbox, "a.json", text=text)
        watching.node.ended((await watching.next()).id, Outcome.DONE)
        await watching.until(lambda: not claimed(inbox))
    found = {name: (inbox / "done" / name).read_text() for name in names(inbox / "done")}
    assert found == {"a.json": "1", "a-2.json": "22", "a-3.json": "333"}


async def test_only_the_latest_files_are_kept(watch: Any, inbox: Path) -> None:
    watching = watch(keep=2)
    for n in range(4):
        put(inbox, f"{9 - n}.json")
        watching.node.ended((await watching.next()).id, Outcome.DONE)
        await watching.until(lambda: not claimed(inbox))
    await watching.until(lambda: names(inbox / "done") == ["6.json", "7.json"])


async def test_what_cannot_be_put_away_stays_claimed_and_is_tried_again(
    watch: Any, inbox: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(inbox, "a.json")
    watching = watch(pattern="*.json")
    item = await watching.next()
    (inbox / "done").write_text("in the way")
    watching.node.ended(item.id, Outcome.DONE)
    await watching.until_it_says("cannot put a.json into")
    assert claimed(inbox) == ["00000001-a.json"]
    (inbox / "done").unlink()
    await watching.until(lambda: names(inbox / "done") == ["a.json"])
    assert watching.node.waiting == ""
    assert len(caplog.messages) == 1


async def test_another_disk_for_what_is_done_gets_a_copy(
    watch: Any, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def elsewhere(source: Any, target: Any, **_: Any) -> None:
        if "claimed" in str(source):
            raise OSError(18, "Invalid cross-device link")
        replace(source, target)

    put(inbox, "a.json", text="content")
    watching = watch()
    item = await watching.next()
    monkeypatch.setattr(file_names.os, "replace", elsewhere)
    monkeypatch.setattr(file_names.os, "link", elsewhere)
    watching.node.ended(item.id, Outcome.DONE)
    await watching.until(lambda: not claimed(inbox))
    assert names(inbox / "done") == ["a.json"]
    assert (inbox / "done" / "a.json").read_text() == "content"


def test_a_crash_in_the_middle_of_a_move_leaves_one_file(tmp_path: Path) -> None:
    put(tmp_path, "a.json")
    (tmp_path / "done").mkdir()
    os.link(tmp_path / "a.json", tmp_path / "done" / "a.json")
    file_names.move(tmp_path / "a.json", tmp_path / "done", "a.json", "1")
    assert (names(tmp_path), names(tmp_path / "done")) == (["done"], ["a.json"])


@pytest.mark.parametrize("full", ["copy2", "fsync"])
def test_a_full_disk_leaves_the_file_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full: str) -> None:
    def no_space(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    def elsewhere(*_: object, **__: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(file_names.os, "link", elsewhere)
    monkeypatch.setattr(file_names.os, "replace", elsewhere)
    monkeypatch.setattr(file_names.shutil if full == "copy2" else file_names.os, full, no_space)
    put(tmp_path, "a.json", text="content")
    with pytest.raises(OSError, match="No space left"):
        file_names.move(tmp_path / "a.json", tmp_path / "done", "a.json", "1")
    assert (tmp_path / "a.json").read_text() == "content"
    assert names(tmp_path / "done") == []


async def test_a_folder_that_vanishes_is_waited_for(watch: Any, inbox: Path, tmp_path: Path) -> None:
    watching = watch()
    assert await watching.nothing()
    os.rename(inbox, tmp_path / "away")
    await watching.until_it_says("cannot look into")
    put(inbox, "a.json")
    assert (await watching.next())["name"] == "a.json"
    assert claimed(inbox) == ["00000001-a.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may do everything")
async def test_a_folder_that_cannot_be_written_is_said_and_loses_nothing(watch: Any, inbox: Path) -> None:
    watching = watch()
    put(inbox, "a.json")
    os.chmod(inbox, stat.S_IRUSR | stat.S_IXUSR)
    await watching.until_it_says("cannot claim")
    os.chmod(inbox, 0o700)
    assert (await watching.next())["name"] == "a.json"


async def test_a_claim_that_fails_is_tried_again_and_said(
    watch: Any, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename
    refused = True

    def strict(source: Any, target: Any) -> None:
        if refused and "claimed" in str(target):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    monkeypatch.setattr(claims.os, "rename", strict)
    watching = watch()
    put(inbox, "a.json")
    await watching.until_it_says("a.json: Permission denied")
    assert names(inbox) == ["a.json", "claimed"]
    refused = False
    assert (await watching.next())["name"] == "a.json"


def test_a_file_in_the_place_of_the_folder_fails_the_start(tmp_path: Path) -> None:
    (tmp_path / "inbox").write_text("")
    with pytest.raises(NodeError, match=r"inbox cannot be used: (File exists|Not a directory)"):
        Watching(tmp_path)


@pytest.mark.skipif(os.stat("/dev/shm").st_dev == os.stat("/tmp").st_dev, reason="needs a second file system")
def test_claims_on_another_disk_fail_the_start(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="is on another disk than inbox"):
        Watching(tmp_path, claimed=f"/dev/shm/flowtui-test-{os.getpid()}")
    for left in Path("/dev/shm").glob(f"flowtui-test-{os.getpid()}"):
        file_names.shutil.rmtree(left)
