from __future__ import annotations

import pytest

from engine_lab import Lab, PlannedNode, plan_of, reader, run
from flowtui.engine import loop as loop_module
from flowtui.model.data import NodeData
from flowtui.nodes.base import BlockingNode


class Pass(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data


def test_a_screen_that_looks_in_the_middle_of_a_reload_sees_one_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("old", Pass, ("read",))))
        make_counters = loop_module._node_counters
        seen = []

        def looked_at(plan):
            seen.append([node.id for node in lab.loop.view().nodes])
            return make_counters(plan)

        monkeypatch.setattr(loop_module, "_node_counters", looked_at)
        more = PlannedNode("new", Pass, ("read",)), PlannedNode("more", Pass, ("new",))
        lab.loop.replace_plan(plan_of(reader(), *more))
        assert seen == [["read", "old"]]
        assert [node.id for node in lab.loop.view().nodes] == ["read", "new", "more"]

    run(scene())
