"""What can be done with the chosen loop and its workflow."""

from __future__ import annotations

from flowtui.tui.actions.action import Action, Scope

_LOOP, _FLOW = "The chosen loop, or all that are marked", "Its workflow, by command"
_ONE = "The chosen loop alone"

LOOP_ACTIONS: tuple[Action, ...] = (
    Action("start", ("s",), "s", "start", "Start the chosen loop.", _LOOP, Scope.LOOPS, footer=1),
    Action(
        "stop",
        ("x",),
        "x",
        "stop",
        "Stop it: what is in flight gets its grace, the rest returns to its queue.",
        _LOOP,
        Scope.LOOPS,
        footer=2,
    ),
    Action(
        "pause",
        ("p",),
        "p",
        "pause",
        "Pause it, or let one go on that is paused or being drained.",
        _LOOP,
        Scope.LOOPS,
        footer=3,
    ),
    Action("drain", ("d",), "d", "drain", "Drain it: work off what there is, then stop.", _LOOP, Scope.LOOPS, footer=4),
    Action(
        "restart", ("r",), "r", "restart", "Stop it, then start it again; start it if it rests.", _LOOP, Scope.LOOPS
    ),
    Action(
        "kill",
        ("K",),
        "K",
        "kill",
        "End it at once; asks first. What is in flight is recovered as after a crash.",
        _LOOP,
        Scope.LOOPS,
    ),
    Action(
        "trigger",
        ("T",),
        "T",
        "run once",
        "Run a trigger's loop once: asks for its inputs, then shows the run node by node until its result.",
        _ONE,
        Scope.LOOPS,
    ),
    Action(
        "more_replicas", ("plus", "equals_sign"), "+ =", "more replicas", "Run one more copy of it.", _ONE, Scope.LOOPS
    ),
    Action(
        "fewer_replicas",
        ("minus",),
        "-",
        "fewer replicas",
        "Run one copy less; the last one stays.",
        _ONE,
        Scope.LOOPS,
    ),
    Action(
        "start_workflow",
        (),
        "",
        "start workflow",
        "Start every loop of the chosen loop's workflow.",
        _FLOW,
        Scope.LOOPS,
    ),
    Action(
        "stop_workflow",
        (),
        "",
        "stop workflow",
        "Stop every loop of the chosen loop's workflow; asks first.",
        _FLOW,
        Scope.LOOPS,
    ),
    Action(
        "pause_workflow",
        (),
        "",
        "pause workflow",
        "Pause every loop of the chosen loop's workflow; if none runs, let the paused ones go on.",
        _FLOW,
        Scope.LOOPS,
    ),
    Action(
        "drain_workflow",
        (),
        "",
        "drain workflow",
        "Drain every loop of the chosen loop's workflow; asks first.",
        _FLOW,
        Scope.LOOPS,
    ),
    Action(
        "restart_workflow",
        (),
        "",
        "restart workflow",
        "Stop and start every loop of the chosen loop's workflow; asks first.",
        _FLOW,
        Scope.LOOPS,
    ),
)
