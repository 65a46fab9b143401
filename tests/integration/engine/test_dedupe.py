"""Of items with the same key only the first goes on, whatever happens to it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.states import Command, LoopState

PATIENCE_S = 20.0
MORE_NODES = '''
import asyncio
import os
from flowtui import BlockingNode


class KillOnce(BlockingNode):
    """Ends its process at the first item."""
    async def execute(self, data):
        if not (self.folder / "died").exists():
            (self.folder / "died").touch()
            await asyncio.sleep(0.05)
            os.kill(os.getpid(), 9)
        return data


class FailUntil(BlockingNode):
    """Raises until a file `mended` is there."""
    async def execute(self, data):
        if not (self.folder / "mended").exists():
            raise ValueError("not mended")
        return data
'''


def flow(items: list[dict[str, Any]], *between: str, key: str = "id", loop: str = "{}", ttl: str = "1d") -> str:
    """Return a workflow that queues items and notes those that pass: `id: rest` of nodes in between."""
    lines = [
        "nodes:",
        f"  make: {{type: sequence, config: {{items: {json.dumps(items)}}}}}",
        "  put: {type: queue-writer, needs: make, config: {queue: q}}",
        f"  read: {{type: queue-reader, config: {{queue: q}}, loop: {loop}}}",
        f"  first: {{type: dedupe, needs: read, config: {{key: {json.dumps(key)}, ttl: {ttl}}}}}",
    ]
    before = "first"
    for node in between:
        id, _, rest = node.partition(": ")
        lines.append(f"  {id}: {{needs: {before}, {rest}}}")
        before = id
    return "\n".join([*lines, f"  note: {{type: note, needs: {before}}}"])


def numbered(*ids: str) -> list[dict[str, Any]]:
    return [{"id": id, "n": n} for n, id in enumerate(ids)]


@pytest.fixture
def begin(start: Any, write: Any, folder: Any) -> Callable[..., Any]:
    (folder / "nodes" / "dedupe_nodes.py").write_text(MORE_NODES)

    def run(text: str, **options: Any) -> Any:
        write("w.yaml", text)
        return start(**options)

    return run


@pytest.mark.parametrize(
    ("key", "loop"), [("id", "{}"), ("{{ data.id }}/x", "{replicas: 3}"), ("id", "{pool: thread}")]
)
def test_of_items_with_the_same_key_one_passes(begin, key, loop):
    running = begin(flow(numbered("a", "b", "a", "c", "b", "a"), key=key, loop=loop))
    running.until_idle()
    assert len(running.done()) == 3
    assert running.loop("w.read").errors == 0


def test_each_node_has_keys_of_its_own_also_where_branches_part(begin):
    text = f"""
    nodes:
      make: {{type: sequence, config: {{items: {json.dumps(numbered("a", "b", "a"))}}}}}
      left: {{type: dedupe, needs: make, config: {{key: id}}}}
      right: {{type: dedupe, needs: make, config: {{key: id}}, timeout: 10s}}
      note: {{type: note, needs: [left, right]}}
    """
    running = begin(text)
    running.until_state("w.make", LoopState.COMPLETED)
    assert running.done() == [0, 1]
    assert [running.node("w.make", id).runs for id in ("left", "right")] == [3, 3]


@pytest.mark.parametrize("pool", ["process"])  # for a store that children can reach
def test_what_a_crash_has_cut_off_is_no_duplicate_of_itself(begin, pool):
    running = begin(flow(numbered("a", "a", "b"), "die: type: kill-once", loop=f"{{pool: {pool}}}"))
    running.until_idle()
    assert sorted(running.done()) == [0, 2]


def test_what_is_given_back_at_a_stop_is_no_duplicate_of_itself(begin, folder):
    (folder / "gate").touch()
    running = begin(flow(numbered("a", "a"), "wait: type: wait"))
    running.until(lambda: running.node("w.read", "wait").running)
    running.tell(Command.KILL, "w.read")
    running.until_state("w.read", LoopState.STOPPED)
    (folder / "gate").unlink()
    running.tell(Command.START, "w.read")
    running.until_idle()
    assert running.done() == [0]


def test_a_letter_keeps_its_key_and_its_replay_passes(begin, folder):
    running = begin(flow(numbered("a", "a"), "fail: type: fail-until"))
    running.until_idle()
    client = EngineClient(running.engine)
    (letter,) = client.dead_letters().result(PATIENCE_S)
    (folder / "mended").touch()
    client.replay(letter, from_start=True).result(PATIENCE_S)
    running.until(running.done, "for the replay")
    running.until_idle()
    assert running.done() == [0]
    assert client.dead_letters().result(PATIENCE_S) == []


def test_keys_outlive_the_engine(begin, folder):
    text = flow(numbered("a"))
    first = begin(text, store="local")
    first.until_idle()
    first.engine.close()
    second = begin(text, store="local")
    second.until_idle()
    assert second.done() == [0]
    assert second.node("w.read", "first").runs == 1


def test_an_item_without_the_key_becomes_a_letter_that_says_so(begin):
    running = begin(flow([{"n": 1}], key="order.id"))
    running.until_idle()
    (letter,) = EngineClient(running.engine).dead_letters().result(PATIENCE_S)
    assert letter.message.startswith("the item has no key: 'order.id' is empty or not there")
