"""What the loader makes of triggers and dedupe nodes."""

from __future__ import annotations

from pathlib import Path

import pytest

from flowtui.graph.folder import LoadedFolder, load_folder
from flowtui.storage.records import trigger_queue


def load(folder: Path, text: str) -> LoadedFolder:
    (folder / "w.yaml").write_text(f"nodes:\n{text}")
    return load_folder(folder, {})


def test_a_trigger_reads_a_queue_of_its_own_and_may_have_replicas(tmp_path):
    loaded = load(tmp_path, "  ask: {type: trigger, loop: {replicas: 2}}\n  tell: {type: log, needs: ask}\n")
    ((plan,),) = (workflow.plans for workflow in loaded.workflows)
    assert (plan.reads, plan.replicas, plan.is_triggered) == (trigger_queue("w.ask"), 2, True)
    assert loaded.problems == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("type: trigger, config: {inputs: {a: {type: choice}}}", "`type: choice` and `choices` belong together"),
        ("type: trigger, config: {inputs: {a: {type: integer, default: x}}}", "the default does not fit"),
        ("type: trigger, config: {inputs: {a: {required: true, default: x}}}", "is never missing"),
        ("type: trigger, config: {inputs: {a: {type: integer, multi_line: true}}}", "can have several lines"),
        ("type: trigger, config: {inputs: {a: {typ: text}}}", "unknown setting 'typ'"),
        ("type: trigger, loop: {batch: {size: 2}}", "can't have batches"),
    ],
)
def test_inputs_that_make_no_sense_are_told_at_load(tmp_path, text, said):
    loaded = load(tmp_path, f"  ask: {{{text}}}\n")
    assert said in " ".join(problem.message for problem in loaded.problems)
    assert loaded.workflows == ()


def test_a_dedupe_node_has_no_cache(tmp_path):
    loaded = load(
        tmp_path, "  a: {type: trigger}\n  b: {type: dedupe, needs: a, config: {key: id}, cache: {ttl: 1s}}\n"
    )
    assert [problem.code for problem in loaded.problems] == ["no-cache"]
