"""Dead letters through the door of a running engine: shown, edited, replayed, purged, as a screen does."""

from __future__ import annotations

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.errors import LetterChanged, UnknownLetter
from flowtui.model.letters import ReplayAnswer
from flowtui.model.states import LoopState

PATIENCE_S = 20.0

#: Two nodes note what they ran for; the first fails for odd numbers as long as there is a file `broken`.
NODES = '''
from flowtui import BlockingNode


class Sometimes(BlockingNode):
    """Fails for odd numbers while it is broken."""
    async def execute(self, data):
        with (self.folder / "sometimes.txt").open("a") as file:
            file.write(f"{data['n']}\\n")
        if data["n"] % 2 and (self.folder / "broken").exists():
            raise ValueError(f"cannot take {data['n']}")
        return data
'''
FLOW = """
nodes:
  start: {type: count, config: {count: 6}}
  aside: {type: note, needs: start, config: {file: aside.txt}}
  sometimes: {type: sometimes, needs: start}
  both: {type: note, needs: [sometimes, aside], config: {file: both.txt}}
"""
LOOP = "flow.start"


@pytest.fixture
def app(folder, write, start):
    (folder / "nodes" / "sometimes.py").write_text(NODES)
    (folder / "broken").touch()
    write("flow.yaml", FLOW)
    app = start(watch=True)
    app.until_state(LOOP, LoopState.COMPLETED)
    (folder / "broken").unlink()
    return app


@pytest.fixture
def door(app) -> EngineClient:
    return EngineClient(app.engine)


def test_a_group_is_replayed_by_a_loop_that_has_completed_and_only_what_had_not_run_runs(app, door):
    app.until(lambda: app.snapshot().dead_total == 3, "for the letters to be shown")
    (group,) = app.snapshot().dead_letters
    assert (group.loop, group.node, group.count, group.first_at <= group.last_at) == (LOOP, "sometimes", 3, True)
    letters = door.dead_letters(LOOP, group.fingerprint).result(PATIENCE_S)
    assert [letter.payload["n"] for letter in letters] == [5, 3, 1]
    assert [letter.id for letter in door.dead_letters(before=letters[0].number, limit=1).result(PATIENCE_S)] == [
        letters[1].id
    ]
    assert door.replay_all(LOOP, group.fingerprint).result(PATIENCE_S) == ReplayAnswer(queued=3)
    app.until_idle()
    app.until(lambda: door.replaying(LOOP).result(PATIENCE_S) == 0, "for the last one to be done with")
    app.until(lambda: app.snapshot().dead_total == 0, "for the letters to go")
    assert (app.done("aside.txt"), sorted(app.done("both.txt"))) == ([0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5])
    assert app.done("sometimes.txt") == [0, 1, 2, 3, 4, 5, 1, 3, 5]
    assert app.loop(LOOP).state is LoopState.COMPLETED


def test_one_letter_is_edited_and_replayed_and_others_are_purged(app, door):
    newest, *others = door.dead_letters().result(PATIENCE_S)
    assert door.dead_letter(newest.number).result(PATIENCE_S) == newest
    edited = door.edit_dead_letter(newest, {"n": 50}).result(PATIENCE_S)
    with pytest.raises(LetterChanged):
        door.edit_dead_letter(newest, {"n": 60}).result(PATIENCE_S)
    assert door.replay(edited).result(PATIENCE_S) == ReplayAnswer(queued=1)
    app.until_idle()
    assert app.done("sometimes.txt")[6:] == [50]
    marked = {others[0].number, newest.number}
    assert door.replay_all(LOOP, newest.fingerprint, numbers={newest.number}).result(PATIENCE_S) == ReplayAnswer()
    assert door.purge_dead_letters(LOOP, newest.fingerprint, numbers=marked).result(PATIENCE_S) == 1
    assert door.purge_dead_letters(LOOP).result(PATIENCE_S) == 1
    with pytest.raises(UnknownLetter):
        door.dead_letter(newest.number).result(PATIENCE_S)


def test_what_fails_again_has_another_number_and_tells_how_often_it_was_replayed(app, door, folder):
    (folder / "broken").touch()
    newest = door.dead_letters().result(PATIENCE_S)[0]
    assert door.replay(newest).result(PATIENCE_S) == ReplayAnswer(queued=1)
    app.until(lambda: door.replaying(LOOP).result(PATIENCE_S) == 0, "for the replay to end")
    again = door.dead_letters().result(PATIENCE_S)[0]
    assert (again.id, again.replays, again.number > newest.number) == (newest.id, 1, True)


def test_from_the_start_everything_behind_the_producer_runs_again(app, door):
    letters = door.dead_letters().result(PATIENCE_S)
    assert door.replay(letters[0], from_start=True).result(PATIENCE_S) == ReplayAnswer(queued=1)
    app.until_idle()
    assert (app.done("aside.txt")[6:], app.done("sometimes.txt")[6:], app.done("both.txt")[3:]) == ([5], [5], [5])


def test_a_mended_node_is_what_replays_it(app, door, folder, write):
    (folder / "broken").touch()
    mended = NODES.replace("cannot take {data['n']}", "still").replace("% 2 and", "% 2 > 1 and")
    (folder / "nodes" / "sometimes.py").write_text(mended)
    app.until(lambda: app.snapshot().last_reload, "for the new code")
    answer = door.replay_all().result(PATIENCE_S)
    assert answer.queued == 3
    assert answer.revisions[0].startswith(f"{LOOP} failed in revision ")
    app.until_idle()
    # The loop itself ran once more as well, since its code has changed.
    assert sorted(app.done("both.txt")) == sorted([*range(6), *range(6)])
