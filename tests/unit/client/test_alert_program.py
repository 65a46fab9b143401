"""The program that is called when something goes wrong."""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from pathlib import Path

import pytest

from flowtui.client.alert_program import AlertProgram
from processes import is_gone

PATIENCE_S = 20.0
TELLS = "import sys; print('told', sys.argv[1:], sys.stdin.read(), sys.stdin.isatty())"


def python(code: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-S", "-c", code, *arguments)


def said_by(caplog: pytest.LogCaptureFixture, program: AlertProgram, *sentences: str) -> list[tuple[int, str]]:
    with caplog.at_level(logging.INFO):
        for sentence in sentences:
            program.call(sentence, {"kind": "loop failed"})
            program.finish(PATIENCE_S)
    return [(record.levelno, record.getMessage()) for record in caplog.records]


def test_it_gets_the_sentence_last_and_json_and_what_it_says_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    said = said_by(caplog, AlertProgram(python(TELLS, "first")), "a.b failed: no \0 \ud800 \x1b[31m; rm -rf $HOME")
    arguments = ["first", "a.b failed: no  ? \x1b[31m; rm -rf $HOME"]
    assert said == [(logging.INFO, f"on_alert: told {arguments} {json.dumps({'kind': 'loop failed'})} False")]


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (("/no/such/program",), "on_alert cannot be run: /no/such/program: No such file or directory"),
        (("/",), "on_alert cannot be run: /: Permission denied"),
        (python("raise SystemExit(3)"), f"on_alert failed with exit code 3: {sys.executable}"),
    ],
)
def test_that_it_cannot_be_run_or_fails_is_said_once(
    caplog: pytest.LogCaptureFixture, command: tuple[str, ...], complaint: str
) -> None:
    assert said_by(caplog, AlertProgram(command), "one", "two", "three") == [(logging.WARNING, complaint)]


def test_one_that_hangs_is_killed_with_all_that_it_started(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    code = (
        f"import os, time; os.fork(); open({str(tmp_path / 'pids')!r}, 'a').write(f'{{os.getpid()}} '); time.sleep(99)"
    )
    said = said_by(caplog, AlertProgram(python(code), timeout_s=0.5), "one")
    assert said == [(logging.WARNING, f"on_alert took longer than 0.5 s and was killed: {sys.executable}")]
    pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    until = time.monotonic() + PATIENCE_S
    while not all(map(is_gone, pids)):  # a killed process takes its time
        assert time.monotonic() < until
        time.sleep(0.01)


def test_what_it_leaves_running_is_not_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    code = "import os, time; print('done', flush=True); os.setsid() or time.sleep(5) if not os.fork() else None"
    assert said_by(caplog, AlertProgram(python(code)), "one") == [(logging.INFO, "on_alert: done")]


def test_a_flood_of_output_and_of_alerts_is_cut(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flood = python("print('x' * 9 + '\\n' * 1, end='') or print('y' * 5_000_000)")
    assert [len(text) < 5000 for _, text in said_by(caplog, AlertProgram(flood), "one")] == [True, True]
    caplog.clear()
    may_end, ran = threading.Event(), []

    def run(sentence: str, facts: bytes) -> None:
        ran.append(sentence)
        may_end.wait(PATIENCE_S)

    program = AlertProgram(("never",))
    monkeypatch.setattr(program, "_run", run)
    for number in range(30):
        program.call(str(number), {})
    may_end.set()
    program.finish(PATIENCE_S)
    assert len(ran) == 23, "three at once, and twenty that waited"
    assert [record.getMessage() for record in caplog.records] == [
        "on_alert is not run for every alert: too many came at once"
    ]


def test_without_a_program_nothing_is_run() -> None:
    before = threading.active_count()
    AlertProgram(()).call("one", {})
    assert threading.active_count() == before
