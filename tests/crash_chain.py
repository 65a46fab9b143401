"""A chain of two loops that is killed again and again, and the reading of its last queue from outside."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import redis

from command_line import Child, CommandLine
from fault_proxy import FaultProxy
from flowtui.storage.records import decode
from processes import children_with
from user_server import UserServer

#: A source with a cursor, a queue, a loop that reads it, and a queue that nobody reads. The delays see to it that there
#: is always something under way.
CHAIN = """
nodes:
  start: {type: sequence, config: {count: COUNT, resume: true}, loop: {autostart: AUTOSTART}}
  pace: {type: delay, needs: start, config: {seconds: 0.002}}
  out: {type: queue-writer, needs: pace, config: {queue: first, max_items: 0}}
  middle: {type: queue-reader, config: {queue: first}, loop: {LOOP}}
  slow: {type: delay, needs: middle, config: {seconds: 0.001}}
  on: {type: queue-writer, needs: slow, config: {queue: second, max_items: 0}}
"""
POOLS = {"asyncio": "pool: asyncio", "process": "pool: process, replicas: 2, restarts: 1000"}
FIRST, LAST = "{flowtui}:q:chain.first", "{flowtui}:q:chain.second:backlog"
PATIENCE_S = 60.0
_ENDLESS = 10**9
#: Most of an item's deliveries that the kills of a test cause: with more it would become a dead letter.
_MOST_TRIES = 3


def crashes(by_default: int) -> int:
    """How many kills at random moments are wanted: FLOWTUI_CRASHES, for long runs, or as many as usual."""
    return int(os.environ.get("FLOWTUI_CRASHES", by_default))


def seeded() -> random.Random:
    """Chance, with a seed that is printed and can be given as FLOWTUI_CRASH_SEED."""
    seed = int(os.environ.get("FLOWTUI_CRASH_SEED", random.randrange(1 << 32)))
    print(f"FLOWTUI_CRASH_SEED={seed}")
    return random.Random(seed)


class Chain:
    """The chain, run by `flowtui run` in a process of its own on a server of its own behind a proxy.

    Attributes:
        engine: the process that runs now, or has run last.
        kills: how often what was killed.
    """

    engine: Child

    def __init__(self, flowtui: CommandLine, server: UserServer, proxy: FaultProxy, pool: str) -> None:
        self.server = server
        self.proxy = proxy
        self.kills: Counter[str] = Counter()
        self._flowtui = flowtui
        self._pool = pool
        self._client = server.client()
        self.write(flowtui, count=_ENDLESS)

    def write(self, flowtui: CommandLine, *, count: int = _ENDLESS, autostart: bool = True) -> None:
        """Write the chain to a folder; without `autostart` the source does not run there."""
        text = CHAIN.replace("COUNT", str(count)).replace("LOOP", POOLS[self._pool])
        flowtui.write("chain.yaml", text.replace("AUTOSTART", str(autostart).lower()))

    def start(self, *flags: str) -> None:
        """Start an engine, the first or one after the last was killed or has ended."""
        self.engine = self._flowtui.headless("--store", self.proxy.url, *flags)

    def close(self) -> None:
        """Close the test's own connection."""
        self._client.close()

    # ---- kills ----

    def kill_engine(self) -> None:
        """Kill the engine; its children end by themselves."""
        self.engine.process.kill()
        self.engine.process.wait()
        self.kills["engine"] += 1

    def kill_child(self, pid: int) -> None:
        """Kill a child of the engine, which starts another."""
        os.kill(pid, signal.SIGKILL)
        self.kills["child"] += 1

    def kill_server(self) -> None:
        """Kill the server and start it again on its data."""
        self.server.kill()
        self.kills["server"] += 1
        self.server.start()

    def children(self) -> list[int]:
        """The child processes of the engine that run a track."""
        return [child.pid for child in children_with("flowtui.engine.child", of=self.engine.process.pid)]

    # ---- looking from outside ----

    def until(self, condition: Callable[[], object], what: str) -> None:
        """Wait until `condition` holds while the engine lives."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.engine.process.poll() is None, f"it ended before {what}\n{self.engine.told()}"
            assert time.monotonic() < deadline, f"waited in vain for {what}\n{self.engine.told()}"
            time.sleep(0.01)

    def until_ended(self, code: int = 0) -> None:
        """Wait until the engine has ended by itself."""
        self.engine.process.wait(PATIENCE_S)
        self.engine.end(code)

    def until_moved(self, count: int) -> None:
        """Wait until that many more items have come to the last queue."""
        enough = self._client.llen(LAST) + count
        self.until(lambda: self._client.llen(LAST) >= enough, f"{count} more items")

    def until_all_moved(self) -> None:
        """Wait until all that the source has pushed has come to the last queue."""
        self.until(lambda: self._client.llen(LAST) == int(self._client.hget(f"{FIRST}:count", "pushed")), "all items")

    def until_disowned(self, pid: int) -> None:
        """Wait until the leases of all owners of a process have ended, and their items have gone back."""
        self.until(lambda: not self._owners_of(pid), f"the leases of {pid} to end")

    def _owners_of(self, pid: int) -> list[str]:
        found = map(bytes.decode, self._client.zrange("{flowtui}:owners", 0, -1))
        return [name for name in found if name.split(":")[1] == str(pid)]

    def until_redelivered(self) -> None:
        """Wait until no item is on its way that has been delivered so often that few more kills would condemn it."""
        self.until(lambda: self._most_tries() < _MOST_TRIES, "redelivered items to be through")

    def _most_tries(self) -> int:
        lists = list(self._client.scan_iter(f"{FIRST}:*:run:*", 1000))
        heads = [self._client.lrange(key, 0, 100) for key in [*lists, f"{FIRST}:chain.middle:ready"]]
        return max((decode(envelope).tries for head in heads for envelope in head), default=1)

    # ---- the end ----

    def finish(self) -> int:
        """Let it do what is left once it has been killed or has ended, and check the last queue.

        Returns how many items there were.
        """
        self.write(self._flowtui, count=1)  # the source has long been beyond that
        self.start("--until-idle")
        self.until_ended()
        assert self.engine.summary["dead_letters"] == 0
        return made_and_arrived(self._client)


def made_and_arrived(client: redis.Redis) -> int:
    """Check that each item that the source has made is in the last queue, once; return how many there are."""
    made = int(client.get("{flowtui}:cursor:chain.start"))
    items = [decode(envelope).item for envelope in client.lrange(LAST, 0, -1)]
    times = Counter(json.loads(item.payload)["n"] for item in items)
    assert [n for n in range(made) if n not in times] == [], "lost"
    assert {n: count for n, count in times.items() if count != 1 or n >= made} == {}, "doubled, or from nowhere"
    assert len({item.id for item in items}) == made > 0
    counted = client.hgetall(f"{FIRST}:chain.middle:count")
    assert int(client.hget(f"{FIRST}:count", "pushed")) == int(counted[b"acknowledged"]) == made
    return made


@contextmanager
def running_chain(flowtui: CommandLine, folder: Path, pool: str) -> Iterator[Chain]:
    """Make the chain ready to be started; the kills that there were are printed."""
    with (
        UserServer(folder) as server,
        FaultProxy(server.socket_path) as proxy,
        closing(Chain(flowtui, server, proxy, pool)) as chain,
    ):
        yield chain
        print(dict(chain.kills))
