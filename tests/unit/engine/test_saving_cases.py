"""A test case is written behind the others of its workflow; what is in the file stays, to the byte."""

from __future__ import annotations

from itertools import takewhile
from pathlib import Path

import pytest

from flowtui.engine.saving import save_case
from flowtui.model.cases import Expected, TestCase
from flowtui.model.errors import NotSaved
from flowtui.workflow.cases import load_cases

CASE = TestCase(
    "two: lines",
    "shop",
    "add",
    Expected(has_output=True, output={"total": 4.0, "text": "a\nb # no comment", "none": None}, port="yes"),
    config={"when": "{{ data.total > 3 }}", "tax": None},
    input={"lines": [1, {"x": "yes"}], "id": "007"},
    item="i-1",
    ignore=("$..at",),
)
JOIN = TestCase("joined", "shop", "both", Expected(error="ValueError: no"), inputs={"left": {}, "right": {"x": 1}})
FILES = {
    "block": "# of the shop\ncases:\n  - name: one  # first\n    node: add\n    expect: {port: 'no'}\n",
    "no indent": "cases:\n- name: one\n  node: add\n  expect:\n    error: >-\n      x # y\n\n\n# the end\n",
    "before another key": "cases:\n  - {name: one, node: add, expect: {port: a}}\n# below\n<<: {}\n",
    "flow": "cases: [{name: one, node: add, expect: {port: a}},  # first\n]\n",
    "one line": "{cases: [{name: one, node: add, expect: {port: a}}]}",
    "none": "# none yet\ncases: []   # here\n",
    "no line end": "cases:\n  - name: one\n    node: add\n    expect: {port: a}",
    "windows": "\ufeffcases:\r\n  - name: one\r\n    node: add\r\n    expect: {port: a}\r\n",
}


def saved(folder: Path, case: TestCase = CASE) -> str:
    path = save_case(folder, case)
    assert path.parent == folder / "tests"
    cases, problems = load_cases(path)
    assert problems == ()
    assert cases[-1].case == case
    return path.read_bytes().decode()


def common(one: str, other: str) -> int:
    """Return how many characters two texts begin with that are the same."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def written(folder: Path, text: str, name: str = "shop.yaml") -> Path:
    path = folder / "tests" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(text.encode())
    return path


def test_the_first_case_makes_folder_and_file(tmp_path: Path) -> None:
    assert saved(tmp_path) == (
        "# Test cases of the workflow shop; to run them: flowtui test\n"
        "cases:\n"
        "  - name: 'two: lines'\n"
        "    node: add\n"
        "    config:\n"
        '      when: "{{ data.total > 3 }}"\n'
        "      tax: null\n"
        "    input:\n"
        "      lines:\n"
        "        - 1\n"
        "        - x: 'yes'\n"
        "      id: '007'\n"
        "    id: i-1\n"
        "    expect:\n"
        "      output:\n"
        "        total: 4.0\n"
        "        text: |-\n"
        "          a\n"
        "          b # no comment\n"
        "        none: null\n"
        "      port: 'yes'\n"
        "    ignore: [$..at]\n"
    )


@pytest.mark.parametrize("text", FILES.values(), ids=FILES)
def test_all_that_is_in_the_file_stays(tmp_path: Path, text: str) -> None:
    path = written(tmp_path, text)
    before, _ = load_cases(path)
    after = saved(tmp_path)
    if before:
        assert common(text, after) + common(text[::-1], after[::-1]) >= len(text)
    else:
        assert (after.splitlines()[0], "# here" in after) == ("# none yet", True)
    assert [each.case for each in load_cases(path)[0][:-1]] == [each.case for each in before]
    assert ("\r\n" in text) == ("\r\n" in after)
    assert after.replace("\r\n", "").count("\n") == (0 if "\r\n" in text else after.count("\n"))
    saved(tmp_path, JOIN)
    assert len(load_cases(path)[0]) == len(before) + 2


def test_a_case_of_the_same_name_is_refused(tmp_path: Path) -> None:
    before = saved(tmp_path)
    with pytest.raises(NotSaved, match=r"shop.yaml:3 has a case 'two: lines' already: give this one another name"):
        save_case(tmp_path, CASE)
    assert (tmp_path / "tests" / "shop.yaml").read_text() == before


def test_a_file_with_problems_is_left_alone(tmp_path: Path) -> None:
    path = written(tmp_path, "cases:\n  - name: one\n    expect: {port: a}\n", "shop.yml")
    with pytest.raises(NotSaved, match=r"has a problem: .*shop.yml:2:5: 'node' is missing"):
        save_case(tmp_path, CASE)
    assert "two" not in path.read_text()


def test_a_case_without_a_name_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotSaved, match="needs a name"):
        save_case(tmp_path, TestCase(" ", "shop", "add", Expected(port="a")))
    assert not (tmp_path / "tests").exists()


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "tests").write_text("")
    with pytest.raises(NotSaved, match="can't be written: "):
        save_case(tmp_path, CASE)
