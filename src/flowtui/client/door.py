"""`EngineClient`: all that a screen may ask of an engine."""

from __future__ import annotations

from concurrent.futures import Future

from flowtui.engine.engine import FlowEngine
from flowtui.model.snapshot import EngineSnapshot, LogBatch
from flowtui.model.states import Command


class EngineClient:
    """The door to an engine in this process. Every method may be called from any thread."""

    def __init__(self, engine: FlowEngine) -> None:
        self._engine = engine

    def start(self) -> None:
        """Begin to load and run; returns at once."""
        self._engine.start()

    def snapshot(self) -> EngineSnapshot:
        """Return everything a screen shows, at one moment."""
        return self._engine.snapshot()

    def logs(self, after: int, limit: int = 2000) -> LogBatch:
        """Return up to `limit` log lines with a sequence number above `after`, oldest first."""
        return self._engine.logs(after, limit)

    def command(self, command: Command, loop: str) -> Future[None]:
        """Carry out a command on a loop; fails with `IllegalTransition` or `UnknownLoop`."""
        return self._engine.command(command, loop)

    def command_all(self, command: Command, workflow: str = "") -> Future[int]:
        """Carry out a command on every loop, or every loop of a workflow, whose state allows it.

        Returns how many obeyed.
        """
        return self._engine.command_all(command, workflow)

    def scale(self, loop: str, change: int) -> Future[int]:
        """Give a loop `change` more tracks, or fewer; return how many it has then, 1 at least.

        Fails with `NotReplicable` or `UnknownLoop`.
        """
        return self._engine.scale(loop, change)

    def is_idle(self) -> Future[bool]:
        """Tell whether every loop has ended or waits on an empty queue with nothing in flight."""
        return self._engine.is_idle()

    def report_output(self, text: str) -> None:
        """Log a line that something wrote to file descriptor 1 or 2 of the process."""
        self._engine.log_output(text)

    def failure(self) -> str:
        """Return why nothing can run at all, empty if it can."""
        return self._engine.failure

    def close(self) -> None:
        """Stop all loops with grace and close the store; returns when it is done."""
        self._engine.close()
