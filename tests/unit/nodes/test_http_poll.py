"""`http-poll` against a real server: what is new, in order, once, also after a crash at any item."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from flowtui.model.data import NodeData, Unreadable
from flowtui.model.errors import HttpBodyError, HttpConnectError, HttpStatusError, HttpTimeout
from flowtui.nodes.builtin.http_poll import HttpPoll
from http_server import Answer, HttpServer, with_etag

Start = Callable[..., Awaitable[HttpPoll]]
LIST = [{"id": n} for n in (1, 2, 3)]


@pytest.fixture
async def start(http: HttpServer) -> AsyncIterator[Start]:
    """Return a function that starts a node which polls the path /x every 10 ms, from a cursor."""
    nodes: list[HttpPoll] = []

    async def started(cursor: Any = None, **config: Any) -> HttpPoll:
        raw = {"url": http.url + "/x", "every": "10ms", **config}
        node = HttpPoll(HttpPoll.Config.model_validate(raw), id="poll", loop="flow.poll")
        node.cursor = cursor
        await asyncio.to_thread(node.setup)
        nodes.append(node)
        return node

    yield started
    for node in nodes:
        await node.teardown()


async def next_item(node: HttpPoll) -> NodeData:
    async with asyncio.timeout(10):
        while (item := await node.execute()) is None:
            pass
    return item


async def test_each_answer_that_differs_from_the_last_is_an_item(http: HttpServer, start: Start) -> None:
    http.on("/x", *(Answer(body={"v": v}) for v in (1, 1, 2, 2, 1)), Answer(204), Answer(body="over"))
    node = await start()
    items = [await next_item(node) for _ in range(4)]
    assert [each.get("json", each.get("text")) for each in items] == [{"v": 1}, {"v": 2}, {"v": 1}, "over"]
    assert items[0]["status"] == 200
    assert len({each.id for each in items}) == 4


async def test_the_same_answer_again_is_an_item_if_that_is_wanted(http: HttpServer, start: Start) -> None:
    http.on("/x", with_etag({"v": 1}, '"a"'))
    node = await start(repeat=True)
    items = [await next_item(node) for _ in range(3)]
    assert len({each.id for each in items}) == 3
    assert not any("if-none-match" in each.headers for each in http.requests)


@pytest.mark.parametrize("etag", ['"a"', ""], ids=["ETag", "Last-Modified"])
async def test_the_server_is_asked_only_for_what_is_new_also_after_a_restart(
    http: HttpServer, start: Start, etag: str
) -> None:
    http.on("/x", with_etag(LIST, etag, modified=1e9))
    node = await start(items="")
    assert [(await next_item(node))["id"] for _ in LIST] == [1, 2, 3]
    assert await node.execute() is None
    after = await start(node.cursor, items="")
    assert await after.execute() is None
    name = "if-none-match" if etag else "if-modified-since"
    assert [name in each.headers for each in http.requests] == [False, True, True]
    http.on("/x", with_etag([{"id": 4}], etag and '"b"', modified=1e9 + 60))
    assert (await next_item(after))["id"] == 4


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
async def test_a_list_goes_on_after_a_crash_where_it_was_left(http: HttpServer, start: Start, taken: int) -> None:
    http.on("/x", with_etag({"data": {"orders": LIST}}, '"a"'))
    node = await start(items="data.orders")
    before = [await next_item(node) for _ in range(taken)]
    after = await start(node.cursor, items="data.orders")
    rest = [await next_item(after) for _ in range(3 - taken)]
    assert [each["id"] for each in (*before, *rest)] == [1, 2, 3]
    assert len({each.id for each in (*before, *rest)}) == 3
    assert await after.execute() is None


async def test_an_item_that_was_not_committed_comes_again_with_the_same_id(http: HttpServer, start: Start) -> None:
    http.on("/x", Answer(body=LIST))
    node = await start(items="")
    await next_item(node)
    cursor = dict(node.cursor)
    lost = await next_item(node)
    assert await next_item(await start(cursor, items="")) == lost


async def test_a_list_that_has_changed_meanwhile_comes_whole_and_known_keys_keep_their_ids(
    http: HttpServer, start: Start
) -> None:
    http.on("/x", Answer(body=LIST))
    node = await start(items="", id="id")
    known = {each["id"]: each.id for each in [await next_item(node) for _ in range(2)]}
    http.on("/x", Answer(body=[{"id": 0}, *LIST]))
    after = await start(node.cursor, items="", id="id")
    items = [await next_item(after) for _ in range(4)]
    assert [each["id"] for each in items] == [0, 1, 2, 3]
    assert (items[1].id, items[2].id) == (known[1], known[2])


@pytest.mark.parametrize("key", [None, "", 1.5, True, [1], {}])
async def test_an_element_without_its_key_is_a_dead_letter_and_the_others_go_on(
    http: HttpServer, start: Start, key: Any
) -> None:
    http.on("/x", Answer(body=[{"k": key}, {"k": 2}]))
    node = await start(items="", id="k")
    bad = await next_item(node)
    assert isinstance(bad, Unreadable)
    assert re.fullmatch(r"GET .*/x: element 0 of the answer has no key at 'k' but .*; mend it or `id`", bad.reason)
    assert (await next_item(node)).payload == {"k": 2}


async def test_elements_that_are_no_objects_and_empty_lists(http: HttpServer, start: Start) -> None:
    http.on("/x", Answer(body={"a": [{"b": []}]}), Answer(body={"a": [{"b": ["x", 5]}]}))
    node = await start(items="a.0.b")
    assert [(await next_item(node)).payload for _ in range(2)] == [{"n": 0, "value": "x"}, {"n": 1, "value": 5}]
    assert len(http.requests) == 2


@pytest.mark.parametrize(
    ("answer", "config", "error", "text"),
    [
        (Answer(body={"a": 1}), {"items": "a"}, HttpBodyError, "has no list at 'a' but a number; mend `items`"),
        (Answer(body={"a": 1}), {"items": ""}, HttpBodyError, "has no list but an object"),
        (Answer(body="<html>"), {"items": ""}, HttpBodyError, "no JSON"),
        (Answer(body="x" * 11), {"max_bytes": 10}, HttpBodyError, "more than 10 bytes"),
        (Answer(500), {}, HttpStatusError, "500"),
        (Answer(drop="middle", body="abc"), {}, HttpConnectError, "failed"),
        (Answer(gate=threading.Event()), {"timeout": 0.05}, HttpTimeout, "within 0.05 s"),
    ],
)
async def test_what_is_wrong_is_told_and_the_next_answer_counts(
    http: HttpServer, start: Start, answer: Answer, config: dict[str, Any], error: type[Exception], text: str
) -> None:
    good = Answer(body=[{"k": 7}])
    http.on("/x", answer, good)
    node = await start(**config)
    with pytest.raises(error, match=text):
        await node.execute()
    if config.get("items") == "a":
        http.on("/x", Answer(body={"a": [{"k": 7}]}))
    if "max_bytes" in config:
        http.on("/x", Answer(body="short"))
    assert await next_item(node)


async def test_retry_after_is_heeded_and_waiting_ends_at_once_when_cancelled(http: HttpServer, start: Start) -> None:
    http.on("/x", Answer(503, headers={"Retry-After": "3600"}), Answer(body="x"))
    node = await start()
    with pytest.raises(HttpStatusError, match="asks to wait 3600 s"):
        await node.execute()
    waiting = asyncio.create_task(node.execute())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.shield(waiting), 0.05)
    assert len(http.requests) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_an_answer_that_was_cancelled_on_its_way_is_asked_for_again(http: HttpServer, start: Start) -> None:
    gate = threading.Event()
    http.on("/x", Answer(gate=gate, body="first"), Answer(body="second"))
    node = await start()
    asking = asyncio.create_task(node.execute())
    await asyncio.to_thread(http.wait_for, 1)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert (await next_item(node))["text"] == "second"


@pytest.mark.parametrize("cursor", [{"digest": "x", "more": 1}, 5, "x", []])
async def test_a_cursor_that_is_none_of_its_own_counts_as_none(http: HttpServer, start: Start, cursor: Any) -> None:
    http.on("/x", Answer(body="first"))
    assert (await next_item(await start(cursor)))["text"] == "first"
