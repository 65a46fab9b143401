"""`RunStore`: the records of the runs of triggers, each kept for a day after it has changed."""

from __future__ import annotations

import asyncio

from flowtui.model.errors import UnknownRun
from flowtui.model.runs import Run
from flowtui.storage.calls import StoreCalls
from flowtui.storage.records import escape

KEPT_MS = 86_400_000


class RunStore:
    """Keeps records of runs, for the tasks of one event loop.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls) -> None:
        self._client = calls.client
        self._namespace = calls.namespace
        self._bells = calls.bells
        self._run = calls.run
        self._answer = calls.answer

    async def save(self, run: Run) -> bool:
        """Replace what is kept of a run; return False, with nothing done, if a later attempt has been saved."""
        id = escape(run.id)
        saved = await self._run("save_run", id, run.attempt, run.to_json(), KEPT_MS, ring=(_bell(id),))
        return bool(saved)

    async def find(self, id: str) -> Run:
        """Return what is kept of a run.

        Raises:
            UnknownRun: if nothing is.
        """
        key = f"{self._namespace}:run:{escape(id)}"
        record, lost = await self._answer(self._client.hmget(key, ["record", "lost"]))
        if record is None:
            raise UnknownRun(f"there is no run {id!r}: runs of triggers are kept for a day after they have ended")
        run = Run.from_json(record)
        return run if lost is None else run.lost_to(int(lost))

    def doorbell(self, id: str) -> asyncio.Event:
        """Return the event that is set when a run may have changed; clear it, `find`, and then wait for it."""
        return self._bells.bell(_bell(escape(id)), "")


def _bell(id: str) -> str:
    return f"run:{id}"
