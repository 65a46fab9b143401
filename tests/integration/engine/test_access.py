"""What may be done with an engine that is read-only, and with one that develops beside production."""

from __future__ import annotations

from uuid import uuid4

import pytest
import redis

from flowtui.client.door import EngineClient
from flowtui.model.access import DEVELOPING, READ_ONLY, Mode
from flowtui.model.errors import AccessRefused, UnknownLetter
from flowtui.model.states import Command, LoopState

PATIENCE_S = 20.0
FLOW = """
nodes:
  start: {type: count, config: {count: 4}}
  odd: {type: fail-on, needs: start, config: {n: 2}}
  out: {type: queue-writer, needs: odd, config: {queue: numbers}}
  in: {type: queue-reader, config: {queue: numbers}}
  note: {type: note, needs: in}
"""


def dump(url: str, namespace: str) -> dict[bytes, bytes | None]:
    """Return all that a server holds for a namespace, but for what engines renew all the time."""
    with redis.Redis.from_url(url) as client:
        names = [
            name for name in client.scan_iter(f"{{{namespace}}}*") if b":lease" not in name and b":instance" not in name
        ]
        return {name: client.dump(name) for name in sorted(names)}


def test_who_may_only_look_sees_loops_run_and_changes_nothing(write, start):
    write("w.yaml", FLOW)
    app = start(access=READ_ONLY)
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: app.snapshot().dead_total == 2, "for the letters")
    assert app.snapshot().access.read_only
    door = EngineClient(app.engine)
    letter = door.dead_letters("w.start").result(PATIENCE_S)[0]
    refused = [
        door.command(Command.START, "w.start"),
        door.command_all(Command.PAUSE),
        door.scale("w.in", 1),
        door.edit_dead_letter(letter, {"n": 1}),
        door.replay(letter),
        door.replay_all("w.start"),
        door.purge_dead_letters(),
        door.trigger("w.start", {}),
        door.inject("w.numbers", {}),
        door.purge_queue("w.numbers", "w.in"),
        door.move_items("w.numbers", "w.in", "w.other"),
        door.forget_group("w.numbers", "w.in"),
    ]
    for wish in refused:
        with pytest.raises(AccessRefused, match="--read-only"):
            wish.result(PATIENCE_S)
    with pytest.raises(AccessRefused, match="--read-only"):
        door.switch_mode()
    assert door.dead_letter(letter.number).result(PATIENCE_S) == letter
    assert app.loop("w.start").state is LoopState.COMPLETED


def test_the_mode_goes_to_development_and_back(write, start):
    door = EngineClient(start().engine)
    assert door.snapshot().access.mode is Mode.PRODUCTION
    assert door.switch_mode() is door.snapshot().access.mode is Mode.DEVELOPMENT
    assert door.switch_mode() is door.snapshot().access.mode is Mode.PRODUCTION


def test_development_beside_production_reads_its_letters_and_leaves_everything_as_it_is(write, start, redis_url):
    namespace = f"access-{uuid4().hex}"
    write("w.yaml", FLOW)
    production = start(redis_url, namespace=namespace)
    production.until_state("w.start", LoopState.COMPLETED)
    production.until(lambda: sorted(production.done()) == [1, 3], "for the odd numbers")
    production.engine.close(grace=0.2)
    before = dump(redis_url, namespace)
    app = start(redis_url, namespace=namespace, access=DEVELOPING)
    door = EngineClient(app.engine)
    assert app.loop("w.start").state is LoopState.STOPPED
    app.until(lambda: app.snapshot().dead_total == 2, "for the letters of production")
    (group,) = app.snapshot().dead_letters
    assert (group.count, group.of_production) == (2, True)
    assert door.dead_letters().result(PATIENCE_S) == []
    letters = door.dead_letters(group.loop, group.fingerprint, of_production=True).result(PATIENCE_S)
    assert [letter.payload for letter in letters] == [{"n": 2}, {"n": 0}]
    (why,) = door.replay(letters[0]).result(PATIENCE_S).refused
    assert "replay it where production runs" in why
    assert door.dead_letter(letters[0].number, of_production=True).result(PATIENCE_S) == letters[0]
    with pytest.raises(UnknownLetter):
        door.dead_letter(letters[0].number).result(PATIENCE_S)
    with pytest.raises(AccessRefused, match="it is production's"):
        door.edit_dead_letter(letters[0], {"n": 1}).result(PATIENCE_S)
    assert door.purge_dead_letters(group.loop, group.fingerprint).result(PATIENCE_S) == 0
    with pytest.raises(AccessRefused, match="flowtui FOLDER"):
        door.switch_mode()
    # Its own loops have queues, cursors and letters of their own.
    app.tell(Command.START, "w.start")
    app.tell(Command.START, "w.in")
    app.until_state("w.start", LoopState.COMPLETED)
    app.until(lambda: sorted(app.done()) == [1, 1, 3, 3], "for the odd numbers again")
    app.until(lambda: app.snapshot().dead_total == 4, "for letters of its own")
    assert door.replay_all("w.start").result(PATIENCE_S).queued == 2
    app.until(lambda: door.dead_letters().result(PATIENCE_S)[0].replays == 1, "for the replay")
    app.engine.close(grace=0.2)
    after = dump(redis_url, namespace)
    inner = f"{{{namespace}}}:dev:".encode()
    assert {name: value for name, value in after.items() if not name.startswith(inner)} == before
    assert any(name.startswith(inner) for name in after)
