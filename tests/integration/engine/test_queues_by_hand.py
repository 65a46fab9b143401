"""A person looks into the queues of a running engine and changes them, through the door."""

from __future__ import annotations

from concurrent.futures import CancelledError

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.errors import StoreError, UnknownItem
from flowtui.model.snapshot import GroupView
from flowtui.model.states import Command, LoopState

FLOW = """
name: w
nodes:
  start: {type: sequence, config: {count: 3000}}
  fill: {type: queue-writer, needs: start, config: {queue: work, max_items: 5000}}
  read: {type: queue-reader, config: {queue: work}, loop: {replicas: 2}}
  hold: {type: wait, needs: read}
  done: {type: note, needs: hold}
  audit: {type: queue-reader, config: {queue: work}, loop: {autostart: false}}
  on: {type: queue-writer, needs: audit, config: {queue: later}}
"""
WORK, LATER, READ, AUDIT = "w.work", "w.later", "w.read", "w.audit"
PATIENCE_S = 20.0


@pytest.fixture
def app(start, write, folder):
    """An engine whose readers wait at the gate, with 3,000 items before it."""
    write("w.yaml", FLOW)
    (folder / "gate").touch()
    app = start()
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: {WORK, LATER} <= {queue.name for queue in app.snapshot().queues} and held(app) >= 2)
    yield app
    (folder / "gate").unlink()


def held(app) -> int:
    groups = app.queue(WORK).groups
    return min((each.in_flight for each in groups[0].holders), default=0) and groups[0].in_flight if groups else 0


def group(app, loop: str) -> GroupView:
    return next(group for group in app.queue(WORK).groups if group.loop == loop)


def test_what_waits_is_seen_searched_put_in_moved_and_purged_and_nothing_is_lost(app):
    door = EngineClient(app.engine)
    view = app.queue(WORK)
    assert (view.bound, view.on_full, view.unaccounted) == (5000, "wait", 0)
    holders = group(app, READ).holders
    assert [(each.owner.track, each.is_here) for each in holders] == [(1, True), (2, True)]
    assert sum(each.in_flight for each in holders) == group(app, READ).in_flight

    page = door.queue_page(WORK, READ, limit=10).result(PATIENCE_S)
    flying = [item for item in page.items if item.owner is not None]
    assert {item.owner.loop for item in flying if item.owner} == {READ}
    assert len(page.items) == len(flying) + 10
    found = door.queue_page(WORK, READ, text='"n":2999').result(PATIENCE_S)
    assert [item.payload for item in found.items] == ['{"n":2999}']
    assert door.queue_item(WORK, READ, found.items[0]).result(PATIENCE_S) == found.items[0]

    # Where no item has come to yet, one can be put in.
    id = door.inject(LATER, {"text": "by hand"}).result(PATIENCE_S)
    assert [item.id for item in door.queue_page(LATER, "").result(PATIENCE_S).items] == [id]
    steps: list[int] = []
    waiting = page.waiting
    assert door.move_items(WORK, READ, LATER, on_step=steps.append).result(PATIENCE_S) == waiting
    assert steps == [1000, 2000, waiting]
    with pytest.raises(UnknownItem, match=r"has left w\.work meanwhile"):
        door.queue_item(WORK, READ, found.items[0]).result(PATIENCE_S)

    stepped: list[int] = []
    cancelled = door.purge_queue(LATER, "", lambda done: stepped.append(done) or cancelled.cancel())
    with pytest.raises(CancelledError):
        cancelled.result(PATIENCE_S)
    left = door.queue_page(LATER, "").result(PATIENCE_S).waiting
    assert 0 < left < waiting + 1
    assert door.purge_queue(LATER, "").result(PATIENCE_S) == left
    app.until(lambda: app.queue(WORK).depth == 0 and app.queue(LATER).depth == 0)
    assert app.queue(WORK).unaccounted == app.queue(LATER).unaccounted == 0


def test_what_cannot_be_done_is_refused_and_a_reader_that_is_gone_is_forgotten_when_nothing_waits_for_it(app, write):
    door = EngineClient(app.engine)
    app.tell(Command.START, AUDIT)
    app.until(lambda: len(app.queue(WORK).groups) == 2)
    for refused, words in (
        (door.inject("w.nowhere", {}), r"there is no queue 'w\.nowhere'"),
        (door.move_items(WORK, READ, "w.nowhere"), r"there is no queue 'w\.nowhere'"),
        (door.purge_queue(WORK, "w.nobody"), r"w\.nobody has never read w\.work"),
        (door.forget_group(WORK, AUDIT), r"w\.audit reads w\.work: only a loop that is in no file any more"),
    ):
        with pytest.raises(StoreError, match=words):
            refused.result(PATIENCE_S)
    write("w.yaml", "\n".join(line for line in FLOW.splitlines() if "audit" not in line))
    door.reload().result(PATIENCE_S)
    door.inject(WORK, {"n": 1}).result(PATIENCE_S)
    app.until(lambda: group(app, AUDIT).is_orphan and group(app, AUDIT).waiting, "for the orphan")
    with pytest.raises(StoreError, match="purge or move them first"):
        door.forget_group(WORK, AUDIT).result(PATIENCE_S)
    assert door.purge_queue(WORK, AUDIT).result(PATIENCE_S) >= 1
    door.forget_group(WORK, AUDIT).result(PATIENCE_S)
    app.until(lambda: app.queue(WORK).orphans == ())
