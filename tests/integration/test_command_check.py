"""`flowtui check`, from outside."""

from __future__ import annotations

import json
import os
import re
import subprocess

CLEAN = """
nodes:
  start: {type: sequence, config: {count: 3}}
  tell: {type: log, needs: start}
"""


def test_every_problem_of_every_file_is_shown_at_once(flowtui):
    flowtui.write("bin.yaml", b"\x00\x01\xff\xfe")
    flowtui.write("broken.yaml", "{: [")
    flowtui.write("fine.yaml", CLEAN)
    flowtui.write(
        "many.yaml",
        """\
        nodes:
          start: {type: sequence, config: {count: many}}
          tell: {type: lgo, needs: start}
          last: {type: log, needs: nobody}
        """,
    )
    flowtui.write("text.yaml", "no workflow at all")
    flowtui.write("uses.yaml", CLEAN + "  a: {type: twin, needs: start}\n  b: {type: raiser, needs: start}\n")
    twin = "from flowtui import BlockingNode\nclass Twin(BlockingNode):\n    def execute(self, data): return data\n"
    flowtui.write("nodes/one.py", twin)
    flowtui.write("nodes/two.py", twin)
    flowtui.write("nodes/raiser.py", "print('printed')\nraise RuntimeError('boom')\n" + twin.replace("Twin", "Raiser"))
    flowtui.write("nodes/quits.py", "raise SystemExit(3)\n")
    child = flowtui.run("check", "flows", code=1)
    *problems, summary = child.output.splitlines()
    expected = [
        (r"bin\.yaml:\d+:\d+", "not-text"),
        (r"broken\.yaml:\d+:\d+", "not-yaml"),
        (r"many\.yaml:2:\d+", "bad-config"),
        (r"many\.yaml:3:\d+", "unknown-node"),
        (r"many\.yaml:4:\d+", "unknown-need"),
        (r"nodes/one\.py:2:1", "duplicate-node"),
        (r"nodes/quits\.py:1:\d+", "node-import"),
        (r"nodes/raiser\.py:2:\d+", "node-import"),
        (r"nodes/two\.py:2:1", "duplicate-node"),
        (r"text\.yaml:1:1", "not-a-mapping"),
        (r"uses\.yaml:5:\d+", "ambiguous-node"),
        (r"uses\.yaml:6:\d+", "ambiguous-node"),
    ]
    assert len(problems) == len(expected), child.output
    for line, (place, code) in zip(problems, expected, strict=True):
        assert re.fullmatch(rf"flows/{place}: .+ \[{code}\]", line), line
    assert "did you mean 'log'?" in problems[3]
    assert "boom" in problems[7]
    assert summary == "6 files, 1 loop, 2 nodes: 12 problems"


def test_a_clean_folder_is_summed_up(flowtui):
    flowtui.write("fine.yaml", CLEAN)
    child = flowtui.run("check", "flows")
    assert child.output == "1 file, 1 loop, 2 nodes: no problems\n"
    assert child.errors == ""


def test_json_is_one_object_even_if_a_module_prints_and_a_name_is_no_text(flowtui):
    flowtui.write("nodes/loud.py", "import os\nprint('hello')\nos.system('echo from a child')\n")
    with open(os.fsencode(flowtui.folder) + b"/odd\xff.yaml", "w") as file:
        file.write("nodes: 3\n")
    plain, child = flowtui.start("check", "flows"), flowtui.start("check", "flows", "--json")
    (result,) = child.end(1).events
    assert (result["ok"], result["loops"]) == (False, [])
    (problem,) = result["problems"]
    assert (problem["line"], problem["severity"]) == (1, "error")
    assert os.fsencode(problem["file"]) == b"flows/odd\xff.yaml"
    assert json.loads(json.dumps(problem)) == problem
    assert "from a child" in child.errors
    assert plain.end(1).output.startswith(r"flows/odd\udcff.yaml:1:")


def test_misuse_is_one_sentence_and_exit_code_2(flowtui):
    flowtui.write("fine.yaml", CLEAN)
    children = {
        "there is no folder 'nowhere'": flowtui.start("check", "nowhere"),
        "'flows/fine.yaml' is a file": flowtui.start("check", "flows/fine.yaml"),
        "there is no folder or command 'chek'": flowtui.start("chek", "flows"),
        "'--for': a duration is": flowtui.start("run", "flows", "--headless", "--for", "soon"),
    }
    for sentence, child in children.items():
        child.end(2)
        assert child.output == ""
        assert sentence in child.errors
        assert child.errors.startswith("flowtui: ")
        assert child.errors.count("\n") == 1, child.errors


def test_an_empty_folder_says_what_to_do(flowtui):
    child = flowtui.run("check", "flows", code=1)
    assert child.output.startswith("flows: there is no workflow file in this folder: add one")


def test_a_folder_may_be_called_like_a_command(flowtui):
    flowtui.write("fine.yaml", CLEAN)
    flowtui.folder.rename(flowtui.home / "check")
    checked, opened = flowtui.start("check", "check"), flowtui.start("./check")
    assert "no problems" in checked.end().output
    assert opened.end(2).errors == "flowtui: the app needs a terminal; without one use: flowtui run FOLDER --headless\n"


def test_output_that_nobody_takes_is_no_fault_of_ours(flowtui):
    flowtui.write("many.yaml", "nodes:\n" + "".join(f"  n{i}: {{type: nothing}}\n" for i in range(1200)))
    head = flowtui.start("check", "flows", stdout=subprocess.PIPE)
    assert head.process.stdout.readline().startswith(b"flows/many.yaml:2:")
    head.process.stdout.close()
    head.end(1)
    assert head.errors == ""
    with open("/dev/full", "w") as full:
        child = flowtui.run("check", "flows", code=1, stdout=full)
    assert child.errors == "flowtui: No space left on device\n"


def test_closed_streams_do_no_harm(flowtui):
    flowtui.write("fine.yaml", CLEAN)
    flowtui.run("check", "flows", preexec_fn=lambda: [os.close(number) for number in range(3)])
