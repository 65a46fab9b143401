"""What is left after a process or the store was killed."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psutil
import pytest
import redis

from flowtui.model.errors import StoreUnavailable
from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import owner_name
from flowtui.storage.opening import open_store
from flowtui.storage.queue_store import Commit, Delivery, Item, QueueStore, Source
from processes import is_gone

READS = Source("shop.orders", "shop.fulfil")

# Opens a store, pushes ten items, fetches four, and says so; then, for each line it reads, tries a commit.
ENGINE = """
import asyncio, sys
from pathlib import Path
from flowtui.model.errors import Fenced
from flowtui.storage.opening import open_store
from flowtui.storage.lease import owner_name
from flowtui.storage.queue_store import Commit, Item, Source

choice, state_dir, namespace, lease = sys.argv[1:]
READS = Source("shop.orders", "shop.fulfil")

async def main():
    store = open_store(choice, state_dir=Path(state_dir), namespace=namespace, url=None, lease_s=float(lease))
    queues = store.queues()
    writer, reader = owner_name("shop.incoming", 0), owner_name("shop.fulfil", 0)
    await queues.join(writer, None)
    await queues.join(reader, READS)
    await queues.commit(writer, Commit(1, pushes=tuple(
        (READS.queue, Item(str(n), b"{}", "", "")) for n in range(10)), cursor=("shop.incoming", b"10")))
    await queues.fetch(reader, READS, 4)
    print("ready", flush=True)
    sys.stdin.readline()
    try:
        await queues.commit(reader, Commit(1, READS, 4, pushes=(("/done", Item("late", b"{}", "", "")),)))
        print("done", flush=True)
    except Fenced:
        print("fenced", flush=True)
    await store.release()
    store.close()

asyncio.run(main())
"""


@contextmanager
def engine(choice: str, state_dir: Path, namespace: str, lease_s: float = 15.0) -> Iterator[subprocess.Popen[bytes]]:
    child = subprocess.Popen(
        [sys.executable, "-c", ENGINE, choice, str(state_dir), namespace, str(lease_s)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with child:
        try:
            assert child.stdout.readline() == b"ready\n"
            yield child
        finally:
            child.kill()


def opened(choice: str, state_dir: Path, namespace: str, lease_s: float = 15.0) -> DataStore:
    return open_store(choice, state_dir=state_dir, namespace=namespace, url=None, lease_s=lease_s)


async def fetched_to_the_end(store: DataStore) -> list[list[Delivery]]:
    queues = store.queues()
    reader = owner_name(READS.group, 0)
    await queues.join(reader, READS)
    batches = []
    while batch := await queues.fetch(reader, READS, 100):
        batches.append(batch)
    return batches


def server_process(state_dir: Path) -> psutil.Process:
    with redis.Redis(unix_socket_path=str(state_dir / "store" / "server.sock")) as client:
        return psutil.Process(client.info("server")["process_id"])


@pytest.mark.parametrize("kind", ["local", "redis"])
async def test_after_a_killed_process_the_next_start_has_all_items_at_once(kind, short_path, request):
    choice = "local" if kind == "local" else request.getfixturevalue("redis_url")
    with engine(choice, short_path, f"killed-{os.getpid()}") as child:
        servers = [server_process(short_path)] if kind == "local" else []
        child.kill()
        child.wait()
        deadline = time.monotonic() + 20
        while not all(map(is_gone, servers)):
            assert time.monotonic() < deadline, "the server outlived its process"
            await asyncio.sleep(0.01)
    with closing(opened(choice, short_path, f"killed-{os.getpid()}")) as store:
        stats = (await store.queues().queue_stats([READS.queue]))[READS.queue]
        assert (stats.depth, stats.in_flight, stats.unaccounted) == (10, 0, 0)
        assert await store.queues().cursor("shop.incoming") == b"10"
        batches = await fetched_to_the_end(store)
        assert [[delivery.item.id for delivery in batch] for batch in batches] == [
            ["0"],
            ["1"],
            ["2"],
            ["3"],
            ["4", "5", "6", "7", "8", "9"],
        ]
        assert [batch[0].tries for batch in batches] == [2, 2, 2, 2, 1]
        await store.release()


async def test_a_process_that_stood_still_past_its_lease_is_fenced(short_path, redis_url):
    namespace = f"stopped-{os.getpid()}"
    with (
        engine(redis_url, short_path, namespace, lease_s=1.0) as child,
        closing(opened(redis_url, short_path, namespace, lease_s=1.0)) as store,
    ):
        queues = store.queues()
        bell = queues.doorbell(READS)
        child.send_signal(signal.SIGSTOP)
        async with asyncio.timeout(20):
            while (await queues.queue_stats([READS.queue]))[READS.queue].in_flight:
                await bell.wait()
                bell.clear()
        child.send_signal(signal.SIGCONT)
        child.stdin.write(b"\n")
        child.stdin.flush()
        assert child.stdout.readline() == b"fenced\n"
        stats = await queues.queue_stats([READS.queue, "/done"])
        assert (stats[READS.queue].depth, stats[READS.queue].unaccounted, stats["/done"].pushed) == (10, 0, 0)
        await store.release()


async def patiently(call, *arguments):
    """Call again until the store answers, as the engine does."""
    while True:
        try:
            return await call(*arguments)
        except StoreUnavailable:
            await asyncio.sleep(0.01)


async def write(queues: QueueStore, count: int) -> None:
    owner = owner_name("shop.incoming", 0)
    await patiently(queues.join, owner, None)
    for number in range(count):
        item = Item(str(number), b"{}", "", "")
        await patiently(queues.commit, owner, Commit(number + 1, pushes=((READS.queue, item),)))


async def relay(queues: QueueStore, count: int, progress: list[int]) -> None:
    owner = owner_name(READS.group, 0)
    await patiently(queues.join, owner, READS)
    seq = 0
    bell = queues.doorbell(READS)
    while progress[-1] < count:
        bell.clear()
        try:
            batch = await queues.fetch(owner, READS, 7)
        except StoreUnavailable:
            batch = await patiently(queues.in_flight, owner, READS)
        if not batch:
            await bell.wait()
            continue
        seq += 1
        pushes = tuple(("/done", delivery.item) for delivery in batch)
        await patiently(queues.commit, owner, Commit(seq, READS, len(batch), pushes=pushes))
        progress.append(progress[-1] + len(batch))


async def test_a_killed_server_loses_and_doubles_nothing(short_path):
    count = 600
    progress = [0]
    with closing(opened("local", short_path, "t")) as store:
        queues = store.queues()
        work = asyncio.gather(write(queues, count), relay(queues, count, progress))
        for share in (0.2, 0.4, 0.6):
            while progress[-1] < count * share:
                await asyncio.sleep(0.001)
            server_process(short_path).kill()
            while progress[-1] < count * (share + 0.1):
                await asyncio.sleep(0.001)
        await work
        reads = Source("/done", "test.end")
        await queues.join("test", reads)
        done = await queues.fetch("test", reads, count * 2)
        assert [delivery.item.id for delivery in done] == [str(number) for number in range(count)]
        assert {delivery.tries for delivery in done} == {1}
        stats = await queues.queue_stats([READS.queue, "/done"])
        assert [figures.unaccounted for figures in stats.values()] == [0, 0]
        await store.release()
