"""What people ask of loops, wherever they ask from."""

from __future__ import annotations

from collections.abc import Iterable

from flowtui.engine.deployment import Deployment
from flowtui.engine.drain import Drains
from flowtui.engine.loop import Loop
from flowtui.model.errors import IllegalTransition, UnknownLoop
from flowtui.model.states import Command, LoopState
from flowtui.workflow.schema import MOST_REPLICAS

_BY_HAND = {Command.DRAIN: "drained by hand", Command.KILL: "killed by hand", Command.RESTART: "restarted by hand"}


class Commands:
    """Carries commands out; belongs to the engine's control thread."""

    def __init__(self, deployment: Deployment, drains: Drains) -> None:
        self._deployment = deployment
        self._drains = drains

    def one(self, command: Command, id: str) -> Loop:
        """Carry out a command on a loop, and return it.

        Raises:
            UnknownLoop: if there is no such loop.
            IllegalTransition: if its state does not allow it.
        """
        loop = self._deployment.get(id)
        loop.command(command, _BY_HAND.get(command, "by hand"))
        self._drains.begun()
        return loop

    def all(self, command: Command, workflow: str = "") -> list[Loop]:
        """Carry out a command on every loop, or every loop of a workflow, whose state allows it; return these.

        A drain is not called off in passing, by a command that lets all paused loops go on.
        """
        loops = [loop for loop in self._deployment.loops.values() if workflow in ("", loop.plan.workflow)]
        if command is Command.RESUME:
            loops = [loop for loop in loops if loop.lifecycle.state is not LoopState.DRAINING]
        return self.each(command, [loop.plan.loop for loop in loops])[0]

    def each(self, command: Command, ids: Iterable[str]) -> tuple[list[Loop], list[str]]:
        """Carry out a command on several loops in the same moment; return who has obeyed, and why others have not."""
        obeyed, refusals = [], []
        for id in ids:
            try:
                loop = self._deployment.get(id)
                loop.command(command, _BY_HAND.get(command, "by hand"))
            except (IllegalTransition, UnknownLoop) as error:
                refusals.append(str(error))
            else:
                obeyed.append(loop)
        self._drains.begun()
        return obeyed, refusals

    def scale(self, id: str, change: int) -> int:
        """Give a loop more tracks, or fewer; return how many it has then, 1 at least.

        Raises:
            UnknownLoop: if there is no such loop.
            NotReplicable: if its producer may run only once.
        """
        loop = self._deployment.get(id)
        wanted = min(max(1, loop.replicas + change), MOST_REPLICAS)
        loop.scale(wanted)
        return wanted
