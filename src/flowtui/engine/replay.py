"""Runs dead letters again, each from the node that failed: what a replay track has in place of a producer."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from flowtui.engine.commits import Commits
from flowtui.engine.execute import Step
from flowtui.engine.iteration import Iteration, Join, Routing, batch_payload
from flowtui.engine.letter_secrets import with_secrets
from flowtui.engine.logs import Attribution, attributed_to, current_place
from flowtui.engine.session import StoreSession
from flowtui.engine.walk import Walker
from flowtui.graph.plan import ExecutionPlan
from flowtui.graph.replays import behind, index_of, need_name, why_not
from flowtui.model.data import Meta, NodeData
from flowtui.model.errors import SecretError
from flowtui.model.letters import DeadLetter, restored
from flowtui.nodes.base import Exhausted
from flowtui.nodes.secrets import FindSecrets
from flowtui.storage.letter_store import LetterStore, is_from_start
from flowtui.storage.queue_store import Delivery

_BATCH = 16
#: How often a letter may be begun by tracks that die before they have ended it.
_MOST_DELIVERIES = 3
_log = logging.getLogger("flowtui.replay")


class ReplayIteration(Iteration):
    """An iteration that begins where another has failed; without a letter it has nothing to do."""

    __slots__ = ("batch", "from_start", "letter", "replayed")
    batch: int
    letter: DeadLetter | None
    replayed: tuple[tuple[str, int], ...]

    def __init__(self, owner: Attribution, plan: ExecutionPlan, delivery: Delivery, letter: DeadLetter | None) -> None:
        super().__init__(owner, queued=1)
        self.letter = letter
        self.from_start = is_from_start(delivery.item)
        self.replayed = ()
        self.batch = 0 if letter is None else letter.batch
        if letter is None:
            self.data = NodeData({}, delivery.item.id)
            return
        self.item = letter.id
        numbers: Sequence[int] = letter.companions if self.from_start else (letter.number,)
        self.replayed = tuple((letter.loop, number) for number in numbers)
        made_here = letter.origin == plan.loop
        meta = Meta(letter.trace, letter.origin, letter.attempt + delivery.tries, plan.revision if made_here else "")
        # One that was filed before it was part of a batch is a batch of its own.
        payload = letter.whole
        if plan.batch is not None and not letter.batch:
            payload, self.batch = batch_payload([payload]), 1
        self.data = NodeData(payload, letter.id, meta)


class ReplaySource:
    """The letters that wait to be run again; raises `Exhausted` when there are none."""

    waited = False

    def __init__(
        self,
        step: Step,
        plan: ExecutionPlan,
        commits: Commits,
        session: StoreSession,
        letters: LetterStore,
        find_secrets: FindSecrets,
    ) -> None:
        self._owner = step.attribution
        self._session = session
        self._plan = plan
        self._commits = commits
        self._letters = letters
        self._find_secrets = find_secrets
        self._fetched: deque[Delivery] = deque()
        self._alone = False
        self._discards = 0

    async def take(self) -> Iteration | None:
        """Return the next one; None if the lease has ended while it was prepared."""
        if not self._fetched:
            if self._alone:
                # It may be what kills its tracks: nothing else shall be in flight with it.
                await self._commits.all_done()
            self._fetched.extend(await self._commits.fetch(_BATCH))
            if not self._fetched:
                raise Exhausted
        delivery = self._fetched.popleft()
        self._alone = delivery.tries > 1
        discards = self._discards
        letter = await self._session.ask(lambda: self._letters.requested(self._plan.loop, delivery.item))
        if letter is not None:
            letter = await self._accepted(delivery, letter)
        if discards != self._discards:  # others have it by now
            return None
        it = ReplayIteration(self._owner, self._plan, delivery, letter)
        current_place.set(it)
        return it

    async def _accepted(self, delivery: Delivery, letter: DeadLetter) -> DeadLetter | None:
        """Return a letter with its secrets; let go of one that this track cannot run."""
        why = why_not(self._plan, letter, from_start=is_from_start(delivery.item))
        if not why and delivery.tries > _MOST_DELIVERIES:
            why = f"letter {letter.number}: what ran it again died {_MOST_DELIVERIES} times before it had ended"
        if not why and letter.hidden:
            try:
                letter = await asyncio.to_thread(with_secrets, letter, self._find_secrets)
            except SecretError as error:
                why = f"letter {letter.number}: {error}"
        with attributed_to(Attribution(self._plan.loop, letter.node), letter.id):
            if why:
                _log.warning("not replayed: %s", why)
                await self._session.ask(lambda: self._letters.release(letter, delivery.item, why))
            elif letter.revision not in ("", self._plan.revision):
                _log.info(
                    "letter %d failed in revision %s and is replayed by revision %s",
                    letter.number,
                    letter.revision,
                    self._plan.revision,
                )
        return None if why else letter

    def interrupt(self) -> None:
        """It never waits for long."""

    def discard(self) -> None:
        self._fetched.clear()
        self._discards += 1


def has_letter(it: Iteration) -> bool:
    """Tell whether there is something to do: of a letter that is gone there is not."""
    return it.letter is not None


class Replayer:
    """Begins iterations at the node that failed, with what had come of the others put back."""

    def __init__(self, plan: ExecutionPlan, steps: Sequence[Step], routing: Routing, walker: Walker) -> None:
        self._plan = plan
        self._steps = steps
        self._routing = routing
        self._walker = walker

    async def walk(self, it: Iteration) -> None:
        """Run what has not run."""
        letter = it.letter
        assert isinstance(it, ReplayIteration)
        assert letter is not None
        index = 0 if it.from_start else index_of(self._plan, letter.node)
        assert index is not None  # the source has looked
        if index == 0:
            ready = self._routing.ready(self._steps[0], it.data, None, it)
        else:
            self._put_back(it, letter, index)
            by = {need: restored(kept, it.data) for need, kept in letter.by.items()}
            data = NodeData(letter.payload, letter.data_id or letter.id, it.data.meta, by)
            ready = self._routing.enter(self._steps[index], data, it, alone=letter.alone)
        await self._walker.resume(ready, it)

    def _put_back(self, it: Iteration, letter: DeadLetter, index: int) -> None:
        reached = behind(self._plan, index)
        it.joins = {}
        for each in reached - {index}:
            needs = self._plan.nodes[each].needs
            if len(needs) > 1:
                it.joins[each] = join = Join(open=sum(need.index in reached for need in needs))
                for edge, need in enumerate(needs):
                    kept = None if need.index in reached else letter.upstream[need_name(self._plan, need)]
                    if kept is not None:
                        join.live[edge] = restored(kept, it.data)
