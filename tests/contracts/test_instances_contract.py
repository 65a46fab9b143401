"""What every store tells of the engines that use it."""

from __future__ import annotations

import os
import socket
import time
from contextlib import closing
from pathlib import Path

from flowtui.storage.data_store import DataStore
from flowtui.storage.lease import process_name


def until(condition) -> None:
    """The heartbeat is a thread of its own: there is nothing to await."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.005)


def ids(store: DataStore) -> list[str]:
    return [instance.id for instance in store.instances]


def test_an_engine_is_known_as_soon_as_it_has_introduced_itself(data_store):
    assert data_store.instances == ()
    data_store.enlist(Path("/home/ana/flows"))
    until(lambda: data_store.instances)
    (instance,) = data_store.instances
    assert (instance.id, instance.host, instance.pid) == (data_store.instance, socket.gethostname(), os.getpid())
    assert instance.folder == "/home/ana/flows"
    assert str(instance) == f"{socket.gethostname()}:{os.getpid()}"
    assert abs(instance.started_at - time.time()) < 60


def test_all_know_of_each_other_until_one_closes(store):
    with closing(store.open(lease_s=1)) as first:
        first.enlist(Path("a"))
        until(lambda: first.instances)
        with closing(store.open(lease_s=1)) as second, closing(store.open(lease_s=1)):
            second.enlist(Path("b"))
            until(lambda: ids(first) == ids(second) == [first.instance, second.instance])
        until(lambda: ids(first) == [first.instance])


def test_one_that_is_not_heard_of_is_no_longer_known_when_its_lease_is_over(store):
    with closing(store.open(lease_s=0.5)) as opened:
        opened.enlist(Path("a"))
        with store.connector.client() as client:
            silent = process_name()
            client.zadd(f"{store.namespace}:owners", {silent: int(client.time()[0]) * 1000 + 1000})
            client.hset(
                f"{store.namespace}:instances",
                silent,
                f'{{"id": "{silent}", "host": "h", "pid": 1, "folder": "", "started_at": 0}}',
            )
        until(lambda: ids(opened) == [silent, opened.instance])
        until(lambda: ids(opened) == [opened.instance])


def test_one_whose_lease_was_over_is_known_again_with_its_next_heartbeat(store):
    with closing(store.open(lease_s=0.5)) as opened, closing(store.open(lease_s=0.5)) as other:
        for each in (opened, other):
            each.enlist(Path("a"))
        until(lambda: len(ids(other)) == 2)
        store.end_owners(opened.instance)
        until(lambda: len(ids(other)) == 2)
        assert opened.instance in ids(other)


def test_a_child_process_counts_as_its_engine(store):
    with closing(store.open(lease_s=1)) as engine:
        engine.enlist(Path("a"))
        until(lambda: engine.instances)
        child = DataStore.attach(engine.access())
        assert child.instance == engine.instance
        child.close()
        until(lambda: ids(engine) == [engine.instance])
