"""`DevStore`: what development mode keeps, the last good output of each node and its last runs; and what it reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from flowtui.model.development import RUNS_KEPT, DevRun, Stored
from flowtui.model.errors import UnknownLetter
from flowtui.model.letters import DeadLetter
from flowtui.storage.calls import StoreCalls
from flowtui.storage.letter_store import LetterStore
from flowtui.storage.queue_admin import QueueAdmin, Waiting
from flowtui.storage.queue_store import QueueStore
from flowtui.storage.records import Delivery, escape
from flowtui.storage.sample_store import SampleStore

#: How long an output is an input of others, in seconds.
OUTPUT_TTL_S = 7 * 86_400.0
#: How long the runs of a node are kept after the last one, in seconds.
RUNS_TTL_S = 90 * 86_400.0
#: Largest output that is kept as an input of others, in bytes of JSON.
MOST_OUTPUT_BYTES = 4 * 1024 * 1024
#: Most that is kept of one run in the history, in bytes of JSON; lines beside that: so many.
MOST_RUN_BYTES = 256 * 1024
MOST_LINES = 500
_NOTHING = Stored({})


class DevStore:
    """Keeps runs of nodes under test, for the tasks of one event loop. All its keys begin with `{namespace}:dev:`.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls) -> None:
        self._client = calls.client
        self._prefix = f"{calls.namespace}:dev"
        self._answer = calls.answer

    async def keep_output(self, run: DevRun, ttl: float = OUTPUT_TTL_S) -> bool:
        """Keep what a run handed on for `ttl` seconds, in place of an earlier output on the same port.

        Return False, with nothing done, if it is too large.
        """
        value = replace(run, inputs=(), lines=()).to_json()
        if len(value) > MOST_OUTPUT_BYTES:
            return False
        name = self._output(run.loop, run.node, run.port)
        await self._answer(self._client.set(name, value, px=max(1, round(ttl * 1000))))
        return True

    async def outputs(self, loop: str, ports: Iterable[tuple[str, Sequence[str]]]) -> dict[str, list[DevRun]]:
        """Return the runs whose outputs are kept, newest first, by node; of nodes with `ports` one for each port."""
        wanted = [(node, port) for node, names in ports for port in (*names, "")]
        if not wanted:
            return {}
        values = await self._answer(self._client.mget([self._output(loop, *each) for each in wanted]))
        found: dict[str, list[DevRun]] = {}
        for (node, _), value in zip(wanted, values, strict=True):
            if value is not None and (run := _read(value)) is not None:
                found.setdefault(node, []).append(run)
        return {node: sorted(runs, key=lambda run: -run.at) for node, runs in found.items()}

    async def add_run(self, run: DevRun) -> None:
        """Put a run in front of the others of its node; the oldest makes room."""
        name = self._runs(run.loop, run.node)
        async with self._client.pipeline() as pipeline:
            pipeline.lpush(name, _shortened(run).to_json())
            pipeline.ltrim(name, 0, RUNS_KEPT - 1)
            pipeline.pexpire(name, round(RUNS_TTL_S * 1000))
            await self._answer(pipeline.execute())

    async def runs(self, loop: str, node: str) -> tuple[DevRun, ...]:
        """Return the last runs of a node, newest first."""
        values = await self._answer(self._client.lrange(self._runs(loop, node), 0, RUNS_KEPT - 1))
        return tuple(run for run in map(_read, values) if run is not None)

    def _output(self, loop: str, node: str, port: str) -> str:
        name = f"{self._prefix}:output:{escape(loop)}:{escape(node)}"
        return f"{name}:{escape(port)}" if port else name

    def _runs(self, loop: str, node: str) -> str:
        return f"{self._prefix}:runs:{escape(loop)}:{escape(node)}"


def _read(value: bytes) -> DevRun | None:
    try:
        return DevRun.from_json(value)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None  # another version of flowtui has kept it in a form of its own


def _shortened(run: DevRun) -> DevRun:
    """Return a run that is small enough for the history: without its output, and then without its inputs."""
    if len(run.lines) > MOST_LINES:
        run = replace(run, lines=run.lines[-MOST_LINES:])
    if len(run.to_json()) <= MOST_RUN_BYTES:
        return run
    if run.output is not None:
        run = replace(run, output=_NOTHING, cut=(*run.cut, "output"))
    if len(run.to_json()) > MOST_RUN_BYTES:
        inputs = tuple(replace(each, data=_NOTHING) for each in run.inputs)
        run = replace(run, inputs=inputs, cut=(*run.cut, "input"))
    if len(run.to_json()) > MOST_RUN_BYTES:
        run = replace(run, lines=run.lines[-20:])
    return run


class ProductionView:
    """Reads what a node would meet in production, and changes nothing; for the tasks of one event loop.

    Every coroutine raises as those of `DevStore` do.
    """

    def __init__(self, calls: StoreCalls, queues: QueueStore, letters: LetterStore, samples: SampleStore) -> None:
        """All of it is of production; `samples` may also hold items of loops that were started beside it."""
        self.samples = samples
        self._queues = queues
        self._admin = QueueAdmin(calls, queues)
        self._letters = letters

    async def cursor(self, loop: str) -> bytes | None:
        """Return the cursor of a loop's producer as JSON, None if none was saved."""
        return await self._queues.cursor(loop)

    async def next_item(self, queue: str, group: str) -> Delivery | None:
        """Return what a reading loop would get next from its queue, None if nothing waits there."""
        for waiting in (Waiting(queue, group), Waiting(queue)):
            if found := await self._admin.peek(waiting, 1):
                return found[0]
        return None

    async def letter(self, number: int) -> DeadLetter | None:
        """Return a dead letter, None if it is gone."""
        try:
            return await self._letters.find(number)
        except UnknownLetter:
            return None
