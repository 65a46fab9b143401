from __future__ import annotations

from engine_lab import Lab, PlannedNode, plan_of, reader, run
from flowtui.model.data import NodeData
from flowtui.model.states import LoopState
from flowtui.nodes.base import BlockingNode


class Pass(BlockingNode):
    async def execute(self, data: NodeData) -> NodeData:
        return data


def test_after_a_reload_nodes_that_stayed_keep_their_figures_and_others_begin_anew() -> None:
    async def scene() -> None:
        lab = Lab(plan_of(reader(), PlannedNode("old", Pass, ("read",)), PlannedNode("kept", Pass, ("old",))))
        await lab.running()
        await lab.push(5)
        await lab.until_drained()
        await lab.stop()
        lab.loop.replace_plan(
            plan_of(reader(), PlannedNode("kept", Pass, ("read",)), PlannedNode("new", Pass, ("kept",)))
        )
        view = lab.loop.view()
        assert {node.id: node.runs for node in view.nodes} == {"read": 5, "kept": 5, "new": 0}
        assert (view.iterations, view.state) == (5, LoopState.STOPPED)

    run(scene())
