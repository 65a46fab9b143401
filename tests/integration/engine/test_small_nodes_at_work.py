"""Nodes that work on one item at a time, in a loop that is paused, stopped, changed on disk, or crashes."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine_lab import Lab, quiet, run
from flowtui.engine.reload import swap
from flowtui.model.letters import DeadLetter
from flowtui.model.states import Command, LoopState
from held_items import Held, contents, crash, flow, new_held, plan_from, set_clocks
from patient_loop import PatientLoop

Payload = dict[str, Any]
READER = "{type: queue-reader, config: {queue: in}}"
SAME = {"n": "N"}


@dataclass(frozen=True)
class Case:
    """A node, what it makes of items `{"n": 0}`, `{"n": 1}` …, and what with another config.

    Attributes:
        first: the config that it begins with, second: the other one.
        made: the payload that comes of an item with the first config, with the second; N stands for the item's number.
            None: the item becomes a dead letter.
        ports: where it goes with the first config, with the second; none if it is no conditional.
    """

    type: str
    first: str
    second: str
    made: tuple[Payload, Payload | None] = (SAME, SAME)
    ports: tuple[str, ...] = ()

    def flow(self, config: str) -> str:
        return flow(READER, f"type: {self.type}\nconfig: {config}", self.ports or ("",))

    def queue(self, which: int) -> str:
        return self.ports[which] if self.ports else "out"

    def outcome(self, which: int, *numbers: int) -> list[Payload]:
        made = self.made[which]
        assert made is not None
        return [{key: _filled(value, n) for key, value in made.items()} for n in numbers]


def _filled(value: str, n: int) -> str | int:
    return n if value == "N" else value.replace("N", str(n))


def text(word: str, field: str) -> Payload:
    return {"n": "N", field: f"{word} N"}


CASES = [
    Case("if", '{when: "{{ data.n >= 0 }}"}', '{when: "{{ data.n < 0 }}"}', ports=("yes", "no")),
    Case(
        "switch",
        '{value: "{{ data.n >= 0 }}", cases: {some: true}}',
        '{value: "{{ data.n >= 0 }}", cases: {some: false}}',
        ports=("some", "default"),
    ),
    Case("log", "{message: first}", "{message: second}"),
    Case("delay", "{seconds: 1}", "{seconds: 0}"),
    Case("rate-limit", "{items: 1, per: 1}", "{items: 2, per: 1}"),
    Case(
        "template",
        '{text: "first {{ data.n }}"}',
        '{text: "second {{ data.n }}"}',
        (text("first", "text"), text("second", "text")),
    ),
    Case("transform", '{expression: "{first: n}"}', '{expression: "{second: n}"}', ({"first": "N"}, {"second": "N"})),
    Case("validate", "{schema: {required: [n]}}", "{schema: {required: [m]}}", (SAME, None)),
    Case(
        "python",
        '{function: "builtins:dict", arguments: {word: first}}',
        '{function: "builtins:dict", arguments: {word: second}}',
        ({"n": "N", "word": "first"}, {"n": "N", "word": "second"}),
    ),
    Case(
        "shell",
        '{command: [echo, first, "{{ data.n }}"]}',
        '{command: [echo, second, "{{ data.n }}"]}',
        (text("first", "output"), text("second", "output")),
    ),
]
every_node = pytest.mark.parametrize("case", CASES, ids=lambda case: case.type)


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    with quiet():
        yield


@pytest.fixture
def held() -> Held:
    return new_held()


@pytest.fixture
def scene(held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., None]:
    """Run what happens once the first of three items is held behind the node, and check that all is accounted for."""

    def play(case: Case, act: Callable[[Lab], Coroutine[Any, Any, None]]) -> None:
        async def whole() -> None:
            set_clocks(monkeypatch)
            lab = Lab(plan_from(case.flow(case.first), tmp_path))
            await lab.push(3, "w.in")
            held.gate.clear()
            await lab.running()
            await held.until_seen(1)
            await act(lab)
            await lab.stop()
            stats = await lab.stats("w.in")
            assert (stats.acknowledged + stats.dead, stats.unaccounted) == (3, 0)
            await lab.close()

        run(whole(), PatientLoop)

    return play


@every_node
def test_a_pause_lets_the_item_in_flight_end_and_begins_no_other(case: Case, scene: Any, held: Held) -> None:
    async def act(lab: Lab) -> None:
        lab.tell(Command.PAUSE)
        await asyncio.sleep(60)
        assert lab.state is LoopState.PAUSING
        held.gate.set()
        await lab.until(LoopState.PAUSED)
        await asyncio.sleep(3600)
        assert await contents(lab, case.queue(0)) == case.outcome(0, 0)
        assert ((await lab.stats("w.in")).depth, len(held.seen)) == (2, 1)
        lab.tell(Command.RESUME)
        await lab.until_drained("w.in")
        assert await contents(lab, case.queue(0)) == case.outcome(0, 0, 1, 2)

    scene(case, act)


@every_node
def test_a_stop_waits_as_long_as_the_grace_and_gives_back_what_has_not_ended_then(
    case: Case, scene: Any, held: Held
) -> None:
    async def act(lab: Lab) -> None:
        lab.tell(Command.STOP)
        await lab.until(LoopState.STOPPED)
        assert await contents(lab, case.queue(0)) == []
        assert ((await lab.stats("w.in")).depth, await lab.letters()) == (3, [])
        await lab.running()
        await held.until_seen(2)
        lab.tell(Command.STOP)
        await asyncio.sleep(5)
        assert lab.state is LoopState.STOPPING
        held.gate.set()
        await lab.until(LoopState.STOPPED)
        assert await contents(lab, case.queue(0)) == case.outcome(0, 0)
        await lab.running()
        await lab.until_drained("w.in")
        assert await contents(lab, case.queue(0)) == case.outcome(0, 0, 1, 2)
        assert [attempt for _, _, attempt in held.seen] == [1, 1, 1, 1]

    scene(case, act)


@every_node
def test_a_reload_ends_the_item_in_flight_with_the_old_config_and_begins_the_next_with_the_new_one(
    case: Case, scene: Any, held: Held, tmp_path: Path
) -> None:
    async def act(lab: Lab) -> None:
        swapping = asyncio.create_task(swap(lab.loop, plan_from(case.flow(case.second), tmp_path)))
        await asyncio.sleep(5)
        held.gate.set()
        assert await swapping == ""
        await lab.until_drained("w.in")
        if case.made[1] is None:
            assert await contents(lab, case.queue(0)) == case.outcome(0, 0)
            assert [letter.payload for letter in await lab.letters()] == [{"n": 1}, {"n": 2}]
        elif case.ports:
            assert await contents(lab, case.queue(0)) == case.outcome(0, 0)
            assert await contents(lab, case.queue(1)) == case.outcome(1, 1, 2)
        else:
            assert await contents(lab, "out") == case.outcome(0, 0) + case.outcome(1, 1, 2)

    scene(case, act)


@every_node
def test_an_item_in_flight_at_a_crash_comes_again_once_and_the_same_comes_of_it(
    case: Case, scene: Any, held: Held
) -> None:
    async def act(lab: Lab) -> None:
        await crash(lab)
        held.gate.set()
        await lab.until_drained("w.in")
        assert await contents(lab, case.queue(0)) == case.outcome(0, 0, 1, 2)
        if case.ports:
            assert await contents(lab, case.queue(1)) == []
        first, second, *others = held.seen
        assert first[:2] == second[:2]
        assert [attempt for _, _, attempt in (first, second, *others)] == [1, 2, 1, 1]

    scene(case, act)


@pytest.fixture
def work_off(held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., Any]:
    """Let a node work off items `{"n": number}`; return the numbers that came through, and the dead letters."""

    def play(node: str, numbers: list[Any]) -> tuple[list[Any], list[DeadLetter]]:
        async def whole() -> tuple[list[Any], list[DeadLetter]]:
            set_clocks(monkeypatch)
            lab = Lab(plan_from(flow(READER, node), tmp_path))
            for n in numbers:
                await lab.push(1, "w.in", json.dumps({"n": n}).encode())
            await lab.running()
            await lab.until_drained("w.in", patience=100_000)
            assert lab.state is LoopState.RUNNING
            await lab.stop()
            done, letters = [each["n"] for each in await contents(lab)], await lab.letters()
            stats = await lab.stats("w.in")
            assert (stats.acknowledged, stats.dead, stats.unaccounted) == (len(done), len(letters), 0)
            await lab.close()
            return done, letters

        return run(whole(), PatientLoop)

    return play


@pytest.mark.parametrize(
    ("node", "rubbish", "message"),
    [
        ("type: if\nconfig: {when: '{{ data.n }}'}", "1 > 0", "'1 > 0' is neither yes nor no"),
        ("type: switch\nconfig: {value: '{{ 1 / data.n }}', cases: {some: 1}}", 0, "division by zero"),
        ("type: log\nconfig: {message: '{{ 1 / data.n }}'}", 0, "division by zero"),
        ("type: delay\nconfig: {seconds: '{{ data.n }}'}", "soon", "a duration is a number of seconds"),
        ("type: template\nconfig: {text: '{{ 1 / data.n }}'}", 0, "division by zero"),
        ("type: transform\nconfig: {expression: '{n: abs(n)}'}", "x", "'{n: abs(n)}' does not work on this item"),
        ("type: validate\nconfig: {schema: {properties: {n: {type: number}}}}", "x", "n: 'x' is not of type 'number'"),
        ("type: python\nconfig: {function: 'held_items:doubled'}", None, "unsupported operand"),
        ("type: shell\nconfig: {command: [echo, '{{ data.n }}'], output: json, into: n}", "{", "echo wrote no JSON"),
        ("type: shell\nconfig: {command: [test, '{{ data.n }}', = , '1']}", 2, "test ended with exit code 1"),
    ],
    ids=lambda value: value.split()[1] if isinstance(value, str) and value.startswith("type:") else "",
)
def test_rubbish_becomes_a_dead_letter_that_says_why_and_the_next_item_is_worked_on(
    node: str, rubbish: Any, message: str, work_off: Any
) -> None:
    done, (letter,) = work_off(node, [rubbish, 1])
    assert done == [1]
    assert message in letter.message
    assert letter.payload == {"n": rubbish}


@pytest.mark.parametrize(
    "node",
    ["type: delay\nconfig: {seconds: '{{ data.n }}'}", "type: python\nconfig: {function: 'held_items:slept'}"],
    ids=["delay", "python"],
)
def test_an_item_that_takes_longer_than_the_timeout_becomes_a_dead_letter_and_holds_up_no_other(
    node: str, work_off: Any
) -> None:
    done, (letter,) = work_off(f"{node}\ntimeout: 5s", [1, 3600, 2])
    assert done == [1, 2]
    assert "node took longer than its timeout of 5 s" in letter.message


def test_items_that_time_out_in_a_rate_limit_do_not_use_up_the_turns_of_others(work_off: Any) -> None:
    done, letters = work_off("type: rate-limit\nconfig: {items: 1, per: 12s}\ntimeout: 5s", [*range(7)])
    assert done[0] == 0
    assert len(done) > 2
    assert all("took longer than its timeout of 5 s" in letter.message for letter in letters)


WAITS = ["type: delay\nconfig: {seconds: SOME}", "type: rate-limit\nconfig: {items: 1, per: SOME}"]


@pytest.mark.parametrize("node", WAITS, ids=["delay", "rate-limit"])
@pytest.mark.parametrize(
    ("some", "command", "ends"), [("5s", "pause", True), ("5s", "stop", True), ("1h", "stop", False)]
)
def test_a_node_that_waits_is_waited_for_at_a_pause_and_within_the_grace_of_a_stop(
    node: str, some: str, command: str, ends: bool, held: Held, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = 1 if "rate-limit" in node else 0  # it lets the first one through at once

    async def whole() -> None:
        set_clocks(monkeypatch)
        lab = Lab(plan_from(flow(READER, node.replace("SOME", some)), tmp_path))
        await lab.push(3, "w.in")
        await lab.running()
        await lab.until_true(lambda: len(held.seen) == first and lab.loop.view().in_flight == 1)
        lab.tell(Command(command))
        await lab.until(LoopState.PAUSED, LoopState.STOPPED)
        done = first + ends
        assert [each["n"] for each in await contents(lab)] == [*range(done)]
        assert ((await lab.stats("w.in")).depth, await lab.letters()) == (3 - done, [])
        await lab.stop()
        await lab.close()

    run(whole(), PatientLoop)


def test_a_line_is_logged_once_more_for_an_item_that_comes_again_after_a_crash(
    scene: Any, held: Held, caplog: pytest.LogCaptureFixture
) -> None:
    logging.disable(logging.NOTSET)
    caplog.set_level(logging.INFO, "node")

    async def act(lab: Lab) -> None:
        await crash(lab)
        held.gate.set()
        await lab.until_drained("w.in")

    scene(Case("log", '{message: "got {{ data.n }}"}', "{}"), act)
    assert [line for line in caplog.messages if line.startswith("got")] == ["got 0", "got 0", "got 1", "got 2"]
