"""Where secrets are and are not: in the steps of a running loop; not in plans, revisions and caches."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from engine_lab import Lab, PlannedNode, plan_of, reader, run
from flowtui.engine.caching import NodeCache
from flowtui.engine.execute import Step
from flowtui.engine.logs import LogBuffer, LogCapture
from flowtui.engine.telemetry import NodeCounters, TrackCounters
from flowtui.graph.folder import load_folder
from flowtui.graph.packed_plan import pack
from flowtui.model.data import NodeData
from flowtui.nodes.base import BlockingNode, NodeConfig
from flowtui.nodes.masking import masker

VALUE = "steps-s3cret"


class Use(BlockingNode):
    class Config(NodeConfig):
        token: str = ""

    async def execute(self, data):
        return data


def step_of(config: dict[str, str]) -> Step:
    plan = plan_of(reader(), PlannedNode("use", Use, ("read",)))
    node = replace(plan.nodes[1], config=config)
    return Step(node, plan.loop, Path(), TrackCounters(plan.ports).nodes["use"], {"STEPS": VALUE})


@pytest.mark.parametrize("config", [{}, {"token": "fixed"}, {"token": "Bearer ${secret:STEPS}"}])
def test_a_config_without_templates_has_nothing_to_do_per_item(config: dict[str, str]) -> None:
    step = step_of(config)
    assert step.template is None
    assert step.is_simple
    assert step.node.config is step.node.config
    assert step.node.config.token == config.get("token", "").replace("${secret:STEPS}", VALUE)


def test_a_template_with_a_secret_is_rendered_for_each_item() -> None:
    step = step_of({"token": "{{ data.n }}:${secret:STEPS}"})
    assert step.template is not None
    assert not step.is_simple
    assert step.template.render(NodeData({"n": 1}), loop="l").token == f"1:{VALUE}"  # type: ignore[attr-defined]


def test_plans_and_revisions_hold_the_reference_and_the_variables_that_templates_read(tmp_path: Path) -> None:
    (tmp_path / "w.yaml").write_text(
        """
nodes:
  start: {type: interval, config: {every: 1s}}
  say: {type: log, needs: start, config: {message: "{{ env.REGION }} ${secret:STEPS} {{ data.n }}"}}
"""
    )

    def loaded(**env: str):
        folder = load_folder(tmp_path, env)
        assert not folder.problems
        return folder

    first = loaded(REGION="north", FLOWTUI_SECRET_STEPS=VALUE, OTHER="x")
    (plan,) = first.workflows[0].plans
    assert plan.secrets == {"STEPS"}
    assert plan.nodes[1].env == {"REGION": "north"}
    assert VALUE.encode() not in pack(plan).content
    assert [(use.name, use.line, use.column) for use in first.secrets] == [("STEPS", 4, 52)]
    assert loaded(REGION="north", FLOWTUI_SECRET_STEPS="another").workflows[0].revision == first.workflows[0].revision
    assert loaded(REGION="south").workflows[0].revision != first.workflows[0].revision


def test_an_output_with_a_secret_is_not_cached(caplog: pytest.LogCaptureFixture) -> None:
    masker.learn("STEPS", VALUE)

    async def scene() -> None:
        store = Lab(plan_of(reader())).cache()
        node = plan_of(reader(), PlannedNode("use", Use, ("read",), cache=60.0)).nodes[1]
        cache, runs = NodeCache(store, node, NodeCounters()), 0

        async def ask(output: object) -> None:
            async def work():
                nonlocal runs
                runs += 1
                return NodeData({"output": output}, "1"), None

            await cache.answer(NodeData({"n": json.dumps(output)}, "1"), Use.Config(), work)

        for _ in range(2):
            await ask("harmless")
        assert runs == 1
        for output in (VALUE, [f"x{VALUE}"], {VALUE[::-1]: 1}):
            runs = 0
            await ask(output)
            await ask(output)
            assert runs == 2

    with caplog.at_level(logging.WARNING):
        run(scene())
    assert caplog.messages == ["use runs although it has a cache: an output holds a secret"]


def test_what_code_outside_of_nodes_prints_is_masked_too(capsys: pytest.CaptureFixture[str]) -> None:
    masker.learn("STEPS", VALUE)
    capture = LogCapture(LogBuffer(), logging.INFO)
    capture.install()
    try:
        print("from a bare thread:", VALUE)
    finally:
        capture.remove()
    assert capsys.readouterr().out == "from a bare thread: ***STEPS***\n"
