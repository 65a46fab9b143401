"""`redis-stream`, with a real server."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis

from flowtui.model.data import Unreadable
from flowtui.model.errors import NodeError
from flowtui.nodes.builtin.streams import RedisStream
from node_at_work import NodeAtWork, at_work, faults


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture
def config(redis_url: str) -> dict[str, Any]:
    return {"url": redis_url, "stream": f"orders-{uuid4().hex}", "start": "begin"}


async def taken(node: NodeAtWork, count: int) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(10):
        while len(found) < count:
            item = await node.run()
            found += [] if item is None else [item]
    return found


async def until_it_waits(client: redis.Redis) -> None:
    async with asyncio.timeout(10):
        while "xread" not in {each["cmd"] for each in client.client_list()}:
            await asyncio.sleep(0.005)


async def test_entries_are_items_in_their_order_and_a_restart_goes_on(
    config: Any, client: redis.Redis, tmp_path: Path
) -> None:
    ids = [client.xadd(config["stream"], {"n": n, "name": "Zoë"}) for n in range(250)]
    async with at_work(RedisStream, config, tmp_path) as node:
        first = await taken(node, 150)
        cursor = node.node.cursor
        lost = (await taken(node, 1))[0]  # the engine dies before its commit
    assert first[0] == {"id": ids[0], "fields": {"n": "0", "name": "Zoë"}}
    async with at_work(RedisStream, config, tmp_path, cursor) as node:
        rest = await taken(node, 100)
    assert [item["id"] for item in [*first, *rest]] == ids
    assert rest[0].id == lost.id
    assert len({item.id for item in [*first, *rest]}) == 250


async def test_it_may_begin_with_new_entries_and_waits_for_them(
    config: Any, client: redis.Redis, tmp_path: Path
) -> None:
    client.xadd(config["stream"], {"n": "old"})
    async with at_work(RedisStream, {**config, "start": "end"}, tmp_path) as node:
        waiting = asyncio.create_task(taken(node, 1))
        await until_it_waits(client)
        client.xadd(config["stream"], {"n": "new"})
        assert [item["fields"] for item in await waiting] == [{"n": "new"}]


@pytest.mark.parametrize("before", [0, 2])
async def test_what_came_after_the_first_start_is_not_missed_though_it_was_never_taken(
    config: Any, client: redis.Redis, tmp_path: Path, before: int
) -> None:
    for _ in range(before):
        client.xadd(config["stream"], {"n": "old"})
    async with at_work(RedisStream, {**config, "start": "end"}, tmp_path) as node:
        cursor = json.loads(json.dumps(node.node.cursor))
    client.xadd(config["stream"], {"n": "new"})
    async with at_work(RedisStream, {**config, "start": "end"}, tmp_path, cursor) as node:
        assert [item["fields"] for item in await taken(node, 1)] == [{"n": "new"}]


async def test_a_stream_need_not_exist_yet(config: Any, client: redis.Redis, tmp_path: Path) -> None:
    async with at_work(RedisStream, {**config, "start": "end"}, tmp_path) as node:
        waiting = asyncio.create_task(taken(node, 1))
        await until_it_waits(client)
        client.xadd(config["stream"], {"n": 1})
        assert len(await waiting) == 1


async def test_a_wait_ends_when_it_is_cancelled_and_loses_nothing(
    config: Any, client: redis.Redis, tmp_path: Path
) -> None:
    async with at_work(RedisStream, config, tmp_path) as node:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await taken(node, 1)
        client.xadd(config["stream"], {"n": 1})
        assert len(await taken(node, 1)) == 1


async def test_a_field_with_json_is_the_payload_and_rubbish_in_it_becomes_a_dead_letter(
    config: Any, client: redis.Redis, tmp_path: Path
) -> None:
    for fields in ({"data": '{"a": [1]}'}, {"data": "{"}, {"data": "[]"}, {"other": "x"}):
        last = client.xadd(config["stream"], fields)
    async with at_work(RedisStream, {**config, "json_field": "data"}, tmp_path) as node:
        good, *bad = await taken(node, 4)
    assert good == {"a": [1]}
    assert [type(item) for item in bad] == [Unreadable] * 3
    assert [item.reason.partition(": ")[2].partition(":")[0] for item in bad] == [
        "field 'data' is no JSON",
        "field 'data' is a JSON list, not an object",
        "there is no field 'data'",
    ]
    assert bad[2] == {"id": last, "fields": {"other": "x"}}


async def test_what_was_trimmed_unread_is_counted_in_the_log(
    config: Any, client: redis.Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(10):
        client.xadd(config["stream"], {"n": n})
    async with at_work(RedisStream, config, tmp_path) as node:
        await taken(node, 4)
        cursor = node.node.cursor
    client.xtrim(config["stream"], maxlen=6, approximate=False)
    async with at_work(RedisStream, config, tmp_path, cursor) as node:
        assert (await taken(node, 1))[0]["fields"] == {"n": "4"}
        cursor = node.node.cursor
    assert caplog.messages == []
    client.xtrim(config["stream"], maxlen=2, approximate=False)
    async with at_work(RedisStream, config, tmp_path, cursor) as node:
        assert (await taken(node, 1))[0]["fields"] == {"n": "8"}
    assert caplog.messages == [
        f"3 entries of the stream {config['stream']} behind {cursor['id']} were trimmed before they were read"
    ]


async def test_a_stream_that_was_made_anew_is_read_from_its_beginning(
    config: Any, client: redis.Redis, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client.xadd(config["stream"], {"n": "anew"}, id="1-1")
    async with at_work(RedisStream, {**config, "start": "end"}, tmp_path, {"id": "99-0", "count": 7}) as node:
        assert (await taken(node, 1))[0]["id"] == "1-1"
    assert "was made anew" in caplog.text


async def test_a_key_that_is_no_stream_and_a_server_that_is_away_are_sentences(
    config: Any, client: redis.Redis, tmp_path: Path
) -> None:
    client.set(config["stream"], "text")
    async with at_work(RedisStream, config, tmp_path) as node:
        with pytest.raises(NodeError, match=r"'orders-.*' on 127\.0\.0\.1:\d+ can't be read: WRONGTYPE"):
            await node.run()
    async with at_work(RedisStream, {**config, "url": "redis://:hush@127.0.0.1:1"}, tmp_path) as node:
        with pytest.raises(NodeError, match=r"the server 127\.0\.0\.1:1 does not answer") as caught:
            await node.run()
    assert "hush" not in str(caught.value)
    assert "redis://" in faults(RedisStream, {**config, "url": "http://127.0.0.1"})["url"]
