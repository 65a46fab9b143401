"""`SampleStore`: the last few items that passed through each node in production."""

from __future__ import annotations

from collections.abc import Iterable

from flowtui.model.development import Sample
from flowtui.storage.calls import StoreCalls
from flowtui.storage.records import escape

#: How many samples of each node are kept.
SAMPLES_KEPT = 5
#: After so long without a new one those of a node are forgotten: its loop may be gone for good.
KEPT_MS = 30 * 86_400_000


class SampleStore:
    """Keeps samples, for the tasks of one event loop.

    Every coroutine raises `StoreUnavailable` if the store does not answer now, `StoreError` if it refuses a command.
    """

    def __init__(self, calls: StoreCalls, production: StoreCalls | None = None) -> None:
        """`production` leads to the samples of the production beside which this store is; these are only read."""
        self._client = calls.client
        self._namespace = calls.namespace
        self._answer = calls.answer
        self._production = SampleStore(production) if production is not None else None

    async def add(self, samples: Iterable[Sample]) -> None:
        """Keep samples, given oldest first, in place of the oldest ones of their nodes; all of them or none."""
        by_node: dict[str, list[bytes]] = {}
        for sample in samples:
            by_node.setdefault(self._name(sample.loop, sample.node), []).append(sample.to_json())
        if not by_node:
            return
        async with self._client.pipeline() as pipeline:
            for name, texts in by_node.items():
                pipeline.lpush(name, *texts[-SAMPLES_KEPT:])
                pipeline.ltrim(name, 0, SAMPLES_KEPT - 1)
                pipeline.pexpire(name, KEPT_MS)
            await self._answer(pipeline.execute())

    async def newest(self, loop: str, node: str) -> list[Sample]:
        """Return the samples of a node, newest first, without those that another version has kept in another form.

        Those of the production beside which this store is are among them.
        """
        texts = await self._answer(self._client.lrange(self._name(loop, node), 0, -1))
        found = []
        for text in texts:
            try:
                found.append(Sample.from_json(text))
            except (ValueError, TypeError, KeyError, AttributeError):
                continue
        if self._production is not None:
            found += await self._production.newest(loop, node)
        return sorted(found, key=lambda sample: -sample.at)[:SAMPLES_KEPT]  # of equal ones the order stays

    def _name(self, loop: str, node: str) -> str:
        return f"{self._namespace}:sample:{escape(loop)}:{escape(node)}"
