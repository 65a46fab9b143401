"""Runs nodes and workflows in an author's tests, as flowtui itself runs them."""

from flowtui.testing.nodes import NodeRun, load_node, run_node, run_node_async
from flowtui.testing.scene import WorkflowRun
from flowtui.testing.workflows import run_folder, run_folder_async, run_workflow, run_workflow_async

__all__ = [
    "NodeRun",
    "WorkflowRun",
    "load_node",
    "run_folder",
    "run_folder_async",
    "run_node",
    "run_node_async",
    "run_workflow",
    "run_workflow_async",
]
