"""`flowtui test` runs the cases beside the workflows and shows what is not as expected."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flowtui.engine.reload import fingerprint
from flowtui.graph.folder import load_folder

SAMPLES = Path(__file__).parents[2] / "workflows"
NODES = """
from flowtui import BlockingNode, NodeConfig

class Add(BlockingNode):
    class Config(NodeConfig):
        tax: float = 0.0

    async def execute(self, data):
        if not data["lines"]:
            raise ValueError("no lines")
        return data | {"total": sum(data["lines"]) + self.config.tax, "item": data.id}
"""
FLOWS = """
name: shop
nodes:
  once: {type: sequence, config: {count: 3}}
  add: {type: add, needs: once, config: {tax: 1}}
  big: {type: if, needs: add, config: {when: "{{ data.total > 10 }}"}}
  left: {type: transform, needs: big.yes, config: {expression: "{side: 'left', x: total}"}}
  both: {type: template, needs: [left, add], config: {text: "{{ data.by.left.side }} {{ data.x }}", into: told}}
"""
GOOD = """
cases:
  - name: the lines and the tax are summed
    node: add
    input: {lines: [1, 2], at: 3}
    expect: {output: {lines: [1, 2], total: 4.0}}
    ignore: [at, $.item]
  - name: the first number is nought
    node: once
    expect: {output: {n: 0}}
  - name: no lines are refused
    node: add
    input: {lines: []}
    expect: {error: "ValueError: no lines"}
  - name: with more tax it is big
    node: big
    config: {when: "{{ data.total > 3 }}"}
    input: {total: 4}
    expect: {port: "yes", output: {total: 4}}
  - name: what comes last counts, in the order of the needs
    node: both
    inputs: {add: {x: 2}, left: {side: left, x: 1}}
    id: order-1
    expect: {output: {side: left, x: 2, told: left 2}}
"""


@pytest.fixture
def cli(flowtui):
    flowtui.write("shop.yaml", FLOWS)
    flowtui.write("nodes/sums.py", NODES)
    flowtui.write("tests/shop.yaml", GOOD)
    return flowtui


def changed(cli, *changes: tuple[str, str]) -> None:
    """Change the file of cases."""
    text = GOOD
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    cli.write("tests/shop.yaml", text)


def test_cases_that_hold_pass_and_leave_nothing_behind(cli):
    lines = cli.run("test", "flows").output.splitlines()
    assert [line.split(" (")[0] for line in lines[:2]] == [
        "✔ passed  shop.add: the lines and the tax are summed",
        "✔ passed  shop.once: the first number is nought",
    ]
    assert lines[-1] == "5 cases: 5 passed, 0 failed"
    assert not cli.state_dir.exists()
    assert not (cli.folder / ".flowtui").exists()


def test_what_differs_is_shown_with_its_place_what_was_expected_and_what_came(cli):
    changed(cli, ("total: 4.0}", "total: 5, more: [1]}"), ('no lines"', 'more lines"'), ('port: "yes"', 'port: "no"'))
    child = cli.run("test", "flows", code=1)
    shown = [line.strip() for line in child.output.splitlines() if not line.startswith("✔")]
    assert [line.split(" (")[0] for line in shown] == [
        "✖ failed  shop.add: the lines and the tax are summed",
        "flows/tests/shop.yaml:3",
        "output.more: expected [1], got nothing",
        "output.total: expected 5, got 4.0",
        "✖ failed  shop.add: no lines are refused",
        "flows/tests/shop.yaml:11",
        'error: expected "ValueError: more lines", got "ValueError: no lines"',
        "✖ failed  shop.big: with more tax it is big",
        "flows/tests/shop.yaml:15",
        'port: expected "no", got "yes"',
        "5 cases: 2 passed, 3 failed",
    ]


def test_an_error_that_nobody_expects_shows_the_authors_line(cli):
    changed(cli, ('{error: "ValueError: no lines"}', "{output: null}"))
    shown = cli.run("test", "flows", "-k", "refused", code=1).output
    assert 'error: expected nothing, got "ValueError: no lines (sums.py:10 in execute)"' in shown
    assert 'nodes/sums.py", line 10, in execute' in shown


def test_a_run_that_should_have_failed_is_a_difference(cli):
    changed(cli, ("input: {lines: []}", "input: {lines: [3]}"))
    assert 'error: expected "ValueError: no lines", got nothing' in cli.run("test", "flows", code=1).output


def test_json_tells_the_same_in_one_object(cli):
    changed(cli, ("total: 4.0}", "total: 5}"))
    child = cli.run("test", "flows", "-k", "ADD", "--json", code=1)
    (told,) = child.events
    assert (told["ok"], told["problems"], len(told["cases"])) == (False, [], 2)
    first, second = told["cases"]
    assert first["differences"] == [{"path": "output.total", "kind": "changed", "expected": 5, "got": 4.0}]
    assert (first["file"], first["line"], first["ok"]) == ("flows/tests/shop.yaml", 3, False)
    assert (second["ok"], second["error"]) == (True, "ValueError: no lines (sums.py:10 in execute)")


def test_pins_and_the_cache_of_development_mean_nothing_here(cli):
    cli.run("exec", "flows/shop.yaml:left", "--input", '{"total": 99}', "--pin")
    changed(
        cli, ("inputs: {add: {x: 2}, left: {side: left, x: 1}}", "inputs: {add: {x: 2}}"), ("side: left, x: 2", "x: 2")
    )
    shown = cli.run("test", "flows", "-k", "last", code=1).output
    assert "error: expected nothing" in shown
    assert "99" not in shown


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("node: once\n", "node: onse\n", ":9:11: workflow 'shop' has no node 'onse' (did you mean 'once'?) ["),
        (
            "node: once\n",
            "node: once\n    workflow: shap\n",
            ":10:15: there is no workflow 'shap' (did you mean 'shop'?)",
        ),
        (
            "node: once\n",
            "node: once\n    input: {}\n",
            ":10:12: 'once' is a producer, which makes items itself: remove it",
        ),
        ("    input: {lines: []}\n", "", ":12:11: 'add' takes an item: add 'input' with its payload [bad-case]"),
        ("input: {lines: []}", "inputs: {once: {}}", ":13:13: 'add' needs one node only: write 'input'"),
        ("left: {side: left, x: 1}", "lift: {}", ":22:33: 'both' does not need 'lift', but left, add [bad-case]"),
        ('port: "yes"', 'port: "maybe"', ":19:20: 'big' has no port 'maybe': its ports are yes, no [bad-case]"),
        ('error: "ValueError: no lines"', 'port: "yes"', ":14:20: 'add' has no port 'yes': it is no conditional"),
        ("input: {lines: []}", "config: {tax: much}\n    input: {lines: []}", ":13:19: config: "),
        ("ignore: [at, $.item]", "ignore: ['a[']", ":7:14: 'a[' is no JSONPath query: "),
        ("name: the first number is nought", "name: no lines are refused", ":11:11: line 8 has a case of this name ["),
        ("{output: {n: 0}}", "{}", ":10:13: nothing is expected: add 'output', 'port' or 'error' [bad-case]"),
        (
            '{error: "ValueError: no lines"}',
            "{error: x, output: null}",
            ":14:21: a run that fails has neither output nor",
        ),
        (
            "expect: {output: {n: 0}}",
            "exspect: {}",
            ":10:5: unknown field 'exspect' in a case (did you mean 'expect'?)",
        ),
        ("{output: {n: 0}}", "{outputs: {}}", ":10:14: unknown field 'outputs' in 'expect' (did you mean 'output'?)"),
        ("node: once", "node: 1", ":9:11: 'node' must be text: write it in quotes [bad-value]"),
        ("cases:\n", "cases:\n  - 7\n", ":3:5: 'cases[0]' must be a mapping, not 7 [bad-value]"),
        ("cases:\n", "cases: 7\nmore:\n", ":2:8: 'cases' must be a list, not 7 [bad-value]"),
    ],
)
def test_a_case_that_cannot_be_run_is_shown_with_its_place_and_none_is_run(cli, old, new, said):
    changed(cli, (old, new))
    child = cli.run("test", "flows", code=2)
    assert f"flows/tests/shop.yaml{said}" in child.output
    assert "passed" not in child.output
    assert child.output.splitlines()[-1].endswith(": no case was run")


def test_a_file_that_is_none_and_a_workflow_with_errors_are_named(cli):
    cli.write("tests/other.yaml", "- 1\n")
    cli.write("shop.yaml", "nodes: {}\n")
    shown = cli.run("test", "flows", code=2).output
    assert "flows/tests/other.yaml:1:1: a file of test cases must be a mapping with 'cases:' [not-a-mapping]" in shown
    assert "workflow 'shop' has errors: for what they are, flowtui check flows [bad-case]" in shown
    (told,) = cli.run("test", "flows", "--json", code=2).events
    assert (told["ok"], told["problems"][0]["code"]) == (False, "not-a-mapping")


def test_without_any_case_it_says_how_to_come_to_one(cli):
    sentence = cli.run("test", "flows", "-k", "nothing like it", code=2).errors
    assert sentence == "flowtui: none of 5 cases has 'nothing like it' in its workflow, node or name\n"
    (cli.folder / "tests" / "shop.yaml").unlink()
    assert "there are no test cases in flows/tests: " in cli.run("test", "flows", code=2).errors


def test_the_cases_of_the_samples_pass(flowtui):
    told = json.loads(flowtui.run("test", str(SAMPLES), "--json").output)
    assert len(told["cases"]) > 10
    assert {case["workflow"] for case in told["cases"]} >= {"orders", "web-shop", "log-tail", "report"}


def test_a_file_of_cases_is_no_workflow(cli):
    loaded = load_folder(cli.folder, {})
    assert [path.name for path in loaded.files] == ["shop.yaml"]
    before = fingerprint(cli.folder)
    cli.write("tests/more.yaml", "cases: []\n")
    assert fingerprint(cli.folder) == before
