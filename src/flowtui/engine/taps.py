"""Where the samples of all tracks come together: on to the store, and to whoever looks at one node."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping

from flowtui.engine.cancelling import is_cancelled
from flowtui.engine.handle import Tap
from flowtui.engine.loop import Loop
from flowtui.model.development import Sample, TapBatch
from flowtui.model.errors import StoreError, StoreUnavailable, UnknownLoop, UnknownNode
from flowtui.storage.data_store import DataStore
from flowtui.storage.sample_store import SAMPLES_KEPT

#: How often to look for samples to store, in seconds, and how often to store them once there are enough of each node.
_LOOK_EVERY_S = 1.0
_STORE_EVERY_S = 10.0
#: A tapped node gives no more samples than one in so many seconds, all tracks together.
_TAP_EVERY_S = 0.05
#: Samples of the tapped node that are kept for whoever looks.
_TAP_KEPT = 200
#: A tap of which nobody has asked for so long rests, in seconds, until somebody does.
_TAP_RESTS_AFTER_S = 10.0
_log = logging.getLogger("flowtui.samples")


class Taps:
    """The samples of one engine. Belongs to its control thread but for `take` and `tapped`."""

    def __init__(self, loops: Callable[[], Mapping[str, Loop]], store: Callable[[], DataStore | None]) -> None:
        """`loops` tells which there are, by id; `store` gives the store once it is open."""
        self._loops = loops
        self._store = store
        self._lock = threading.Lock()  # of the next two
        self._waiting: dict[tuple[str, str], deque[Sample]] = {}
        self._view = _View("", "", 0)
        self._stored: dict[tuple[str, str], tuple[str, int]] = {}  # revision and how many, up to those that are kept
        self._stored_at = 0.0  # of `time.monotonic`

    # ---- from any thread ----

    def take(self, sample: Sample) -> None:
        """Take a sample; it is stored soon."""
        key = sample.loop, sample.node
        with self._lock:
            self._waiting.setdefault(key, deque(maxlen=SAMPLES_KEPT)).append(sample)
            if key == (self._view.loop, self._view.node):
                self._view.samples.append(sample)
                self._view.taken += 1

    def tapped(self, after: int) -> TapBatch:
        """Return what has passed through the tapped node since the sample of that number; 0 for all that is kept."""
        view = self._view
        view.asked_at = time.monotonic()
        with self._lock:
            newer = min(view.taken - after, len(view.samples))
            samples = tuple(view.samples)[-newer:] if newer > 0 else ()
            taken = view.taken
        loop = self._loops().get(view.loop)
        passed = max(taken, loop.runs_of(view.node) - view.passed_before) if loop is not None else taken
        return TapBatch(samples, taken, passed)

    # ---- tapping ----

    async def tap(self, loop: str, node: str) -> None:
        """Sample a node more often, and no other.

        Raises:
            UnknownLoop: if there is no such loop.
            UnknownNode: if it has no such node.
        """
        await self.untap()
        found = self._loops().get(loop)
        if found is None:
            raise UnknownLoop(f"there is no loop {loop!r} to tap; it may have been removed from its file")
        if all(each.id != node for each in found.plan.nodes):
            raise UnknownNode(f"{loop} has no node {node!r} to tap; it may have been removed from its file")
        with self._lock:
            self._view = _View(loop, node, found.runs_of(node))
        self._look_after_tap()

    async def untap(self) -> None:
        """Sample the tapped node as all others again, if there is one."""
        self._give(None)
        with self._lock:
            self._view = _View("", "", 0)

    def _look_after_tap(self) -> None:
        """See that all tracks of the tapped loop know of it, as long as somebody asks what comes."""
        view = self._view
        is_asked = time.monotonic() - view.asked_at < _TAP_RESTS_AFTER_S
        self._give(Tap(view.node, _TAP_EVERY_S) if view.loop and is_asked else None)

    def _give(self, tap: Tap | None) -> None:
        loop = self._loops().get(self._view.loop)
        if loop is not None:
            loop.tap(tap)

    # ---- storing ----

    async def keep(self) -> None:
        """Store samples as they come, until cancelled."""
        while not is_cancelled():  # the Redis client may have swallowed it
            await asyncio.sleep(_LOOK_EVERY_S)
            self._look_after_tap()
            if self._is_due():
                await self.flush()

    async def flush(self) -> None:
        """Store what there is; if the store does not take it, it is lost."""
        store = self._store()
        if store is None:
            return
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        self._stored_at = time.monotonic()
        samples = [sample for each in waiting.values() for sample in each]
        try:
            await store.samples().add(samples)
        except StoreError as error:
            _log.debug("%d samples are lost: %s", len(samples), error)
            return
        for sample in samples:
            key = sample.loop, sample.node
            revision, count = self._stored.get(key, ("", 0))
            count = min(count + 1, SAMPLES_KEPT) if revision == sample.revision else 1
            self._stored[key] = sample.revision, count

    async def newest(self, loop: str, node: str) -> tuple[Sample, ...]:
        """Return the samples of a node, newest first, also those that were taken just now.

        Raises:
            StoreError: if the store cannot tell.
        """
        store = self._store()
        if store is None:
            raise StoreUnavailable("the store is not open yet; try again in a moment")
        await self.flush()
        return tuple(await store.samples().newest(loop, node))

    def _is_due(self) -> bool:
        with self._lock:
            newest = {key: samples[-1].revision for key, samples in self._waiting.items()}
        if time.monotonic() - self._stored_at >= _STORE_EVERY_S:
            return bool(newest)
        # The first ones, also of a new revision, are waited for.
        enough = (self._stored.get(key) == (revision, SAMPLES_KEPT) for key, revision in newest.items())
        return not all(enough)


class _View:
    """What is tapped, if anything, and what has come of it."""

    def __init__(self, loop: str, node: str, passed_before: int) -> None:
        self.loop = loop
        self.node = node
        self.passed_before = passed_before  # how many items had passed when it began
        self.samples: deque[Sample] = deque(maxlen=_TAP_KEPT)
        self.taken = 0
        self.asked_at = time.monotonic()
