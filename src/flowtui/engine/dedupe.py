"""Does the work of `dedupe` nodes: what an item claims becomes lasting with its commit."""

from __future__ import annotations

import hashlib

from flowtui.engine.execute import Step
from flowtui.engine.iteration import Branch, Iteration
from flowtui.engine.logs import current_place
from flowtui.engine.session import StoreSession
from flowtui.model.data import NodeData
from flowtui.nodes.builtin.dedupe import Dedupe
from flowtui.storage.records import Key


class Deduper:
    """One dedupe node of one track."""

    def __init__(self, node: Dedupe, step: Step, session: StoreSession) -> None:
        self._node = node
        self._raw = str(step.plan.config["key"])
        self._scope = step.full_id
        self._session = session

    async def execute(self, data: NodeData) -> NodeData | None:
        """Hand an item on, or drop it if another one with the same key was here; called by the track's walker.

        Raises:
            NodeError: if the item has no key.
            StoreUnavailable: only when the loop ends while the store is away.
        """
        place = current_place.get()
        it = place.iteration if isinstance(place, Branch) else place
        assert isinstance(it, Iteration)
        key = self._node.key_of(data, self._raw)
        # The nodes of all loops are apart; and keys may be long.
        name = hashlib.blake2b(f"{self._scope}|{key}".encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        if not await self._session.claim(name, it.item):
            return None
        it.keep(Key(name, it.item, max(1, round(self._node.config.ttl * 1000))))
        return data
