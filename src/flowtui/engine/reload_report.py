"""What came of a reload, in one line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from flowtui.engine.reload import LoopChanges
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.figures import plural
from flowtui.model.snapshot import QueueView
from flowtui.model.workflows import WorkflowView


def told(
    names: Sequence[str],
    changes: LoopChanges,
    failed: int,
    broken: Iterable[WorkflowView],
    mended: Iterable[str],
    queues: str,
) -> str:
    """Return `orders r7: 2 loops kept, 1 swapped, 0 lost, 214 queued`, and which files are broken now.

    Args:
        names: of the workflows that changed, each with its revision.
        failed: how many of the swapped loops went back to their old revision.
        broken: files that can't be loaded, and could be before or were otherwise broken.
        mended: names of files that were broken, and are no longer.
        queues: as `queue_words` says it.
    """
    counts = [
        f"{plural(len(changes.kept), 'loop')} kept",
        f"{len(changes.swapped) - failed} swapped",
        f"{len(changes.added)} new",
        f"{len(changes.removed)} removed",
        f"{failed} not started",
    ]
    what = ", ".join([*(count for count in counts if not count.startswith("0 ")), *([queues] if queues else [])])
    parts = [f"{', '.join(names)}: {what}"] if names else []
    parts += [_broken(view) for view in broken]
    parts += [f"{name} is mended" + ("" if names else ": what runs goes on") for name in mended]
    return "; ".join(parts) or "files saved, nothing changed in meaning"


def queue_words(queues: Iterable[QueueView], touched: Iterable[ExecutionPlan]) -> str:
    """Return how many items were lost on the way through these loops, and how many wait for them."""
    plans = list(touched)
    reads = {plan.reads for plan in plans if plan.reads is not None and not plan.is_triggered}
    known = {queue.name: queue for queue in queues}
    concerned = [known[name] for name in {*reads, *(queue for plan in plans for queue in plan.writes)} if name in known]
    lost = f"{sum(queue.unaccounted for queue in concerned):,} lost"
    waiting = sum(queue.depth for queue in concerned if queue.name in reads)
    return f"{lost}, {waiting:,} queued" if reads else lost


def _broken(view: WorkflowView) -> str:
    errors = plural(view.errors, "problem")
    if view.revision:
        stays = f"{view.workflow} r{view.revision} still runs"
    elif view.loops:
        stays = "its old code still runs"
    else:
        stays = "nothing of it runs"
    return f"{view.name} is broken ({errors}): {stays}"
