"""`flowtui logs` shows what engines have logged, while they run and afterwards."""

from __future__ import annotations

import json
import signal

import pytest

FLOWS = """
nodes:
  count: {type: sequence, config: {count: 3}}
  tell: {type: log, needs: count, config: {message: "number {{ data.n }}"}}
  odd: {type: if, needs: count, config: {when: "{{ data.n == 1 }}"}}
  warn: {type: log, needs: odd.yes, config: {message: "one: [b]odd[/b]", level: warning}}
"""


@pytest.fixture
def cli(flowtui):
    flowtui.write("flow.yaml", FLOWS)
    return flowtui


def shown(cli, *args: str) -> list[str]:
    """Return the messages that the command shows."""
    lines = cli.run("logs", "--folder", "flows", "--json", *args).events
    return [line["message"] for line in lines if line["loop"]]


def test_what_an_engine_has_logged_is_shown_when_it_has_ended_as_much_of_it_as_is_wanted(cli):
    cli.headless("--until-idle").end()
    assert sorted(shown(cli)) == ["number 0", "number 1", "number 2", "one: [b]odd[/b]"]
    assert shown(cli, "--level", "warning") == ["one: [b]odd[/b]"]
    assert shown(cli, "--grep", "number [12]") == ["number 1", "number 2"]
    assert shown(cli, "--grep", "!number") == ["one: [b]odd[/b]"]
    assert shown(cli, "--node", "warn") == ["one: [b]odd[/b]"]
    assert shown(cli, "--loop", "flow.count", "--loop", "other") == shown(cli, "--loop", "flow") == shown(cli)
    assert shown(cli, "--loop", "flo") == []
    assert shown(cli, "--since", "1h") == shown(cli)
    assert shown(cli, "--since", "2099-01-01") == []
    every = cli.run("logs", "--folder", "flows", "--json").events
    assert cli.run("logs", "--folder", "flows", "--json", "-n", "2").events == every[-2:]
    item = next(line["item"] for line in every if line["message"] == "number 2")
    assert shown(cli, "--item", item) == ["number 2"]
    (line,) = cli.run("logs", "--folder", "flows", "--node", "warn").output.splitlines()
    assert line.split(maxsplit=2)[2].split() == ["warning", "flow.count", "warn", "one:", "[b]odd[/b]"]


@pytest.mark.parametrize(
    ("args", "words", "code"),
    [
        ((), "no engine has logged in", 1),
        (("--grep", "("), "is no regular expression", 2),
        (("--since", "yesterday"), "is no time: write how long ago", 2),
    ],
)
def test_what_cannot_be_shown_is_one_sentence(cli, args, words, code):
    if code == 2:
        cli.headless("--until-idle").end()
    child = cli.run("logs", "--folder", "flows", *args, code=code)
    assert words in child.errors
    assert child.output == ""


def test_what_comes_is_followed_until_ctrl_c_across_engines(cli):
    follower = cli.start("logs", "--folder", "flows", "--json", "-f")
    for runs in (1, 2):
        cli.headless("--until-idle").end()
        follower.until(lambda runs=runs: follower.output.count('"number 2"') == runs, "the last number")
    follower.process.send_signal(signal.SIGINT)
    follower.end()
    lines = [json.loads(line)["message"] for line in follower.output.splitlines()]
    assert lines.count("number 0") == 2
