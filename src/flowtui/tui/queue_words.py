"""What the screen says of a queue, its readers and its items."""

from __future__ import annotations

import json

from flowtui.model.queued import QueuedItem
from flowtui.model.snapshot import EngineSnapshot, GroupView, HolderView, QueueView
from flowtui.model.states import OnFull
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.details import Describe, Detail, Entry, heading
from flowtui.tui.json_text import as_line
from flowtui.tui.run_detail import json_entries
from flowtui.tui.wording import Word

#: The scale of a queue that may hold any number of items, as long as it holds no more.
_USUAL_BOUND = 10_000
#: From this part of its bound on a queue is nearly full, and from this time on it is so soon, in seconds.
_NEARLY, _SOON_S = 0.8, 600.0
_FATES = {
    OnFull.WAIT: "its writers wait",
    OnFull.DROP_OLDEST: "the oldest is dropped",
    OnFull.DROP_NEW: "the new one is dropped",
    OnFull.DEAD_LETTER: "the new one becomes a dead letter",
}


def depth_bar(queue: QueueView, width: int) -> Word:
    """Return how full a queue is: against its bound, else against what it has held lately."""
    text = fmt.bar(queue.depth, queue.bound or max(_USUAL_BOUND, *queue.history, queue.depth), width)
    if not queue.depth:
        return text, Tone.FRAME
    if queue.bound and queue.depth >= queue.bound:
        return text, Tone.BAD
    return text, Tone.WARN if queue.bound and queue.depth >= _NEARLY * queue.bound else Tone.ACCENT


def trend_words(queue: QueueView) -> Word:
    """Return when the queue will be full or empty if it goes on like this; how fast it grows if it may for ever."""
    if queue.full_in_s is not None:
        if queue.full_in_s <= 0:
            return "FULL", Tone.BAD
        return f"FULL IN {fmt.age(queue.full_in_s)}", Tone.BAD if queue.full_in_s < _SOON_S else Tone.WARN
    if queue.empty_in_s is not None:
        return f"EMPTY IN {fmt.age(queue.empty_in_s)}", Tone.MUTED
    if queue.drift > 0 and not queue.bound:
        return f"GROWS {fmt.rate(queue.drift)}/s", Tone.WARN
    return fmt.NOTHING, Tone.MUTED


def bound_words(queue: QueueView) -> str:
    """Return how many items may wait in it, and what becomes of more."""
    if not queue.bound or queue.on_full is None:
        return "any number may wait"
    return f"{queue.bound:,} may wait for each reader; if there are more, {_FATES[queue.on_full]}"


def readers_of(queue: QueueView) -> tuple[GroupView, ...]:
    """Return the loops that items wait for; a nameless one if nobody has ever read the queue."""
    return queue.groups or (GroupView(loop="", waiting=queue.depth, oldest_s=queue.oldest_s),)


def reader_name(group: GroupView) -> str:
    """Return who it is that the items wait for."""
    if not group.loop:
        return "nobody yet"
    return f"{group.loop} (gone)" if group.is_orphan else group.loop


def reader_glyph(group: GroupView) -> Word:
    """Return the sign of a reader."""
    if group.unaccounted:
        return "!", Tone.BAD
    if group.is_orphan:
        return "!", Tone.WARN
    if not group.loop:
        return "○", Tone.MUTED
    return ("▶", Tone.GOOD) if group.tracks else ("■", Tone.MUTED)


def holder_name(holder: HolderView) -> str:
    """Return which track of which engine it is."""
    owner = holder.owner
    if not owner.host:
        return owner.loop
    engine = "this engine" if holder.is_here else holder.instance or owner.host
    inner = owner.pid if holder.instance and holder.instance != f"{owner.host}:{owner.pid}" else ""
    return f"track {owner.track} · {engine}" + (f", process {inner}" if inner else "")


def queue_detail(queue: QueueView) -> Detail:
    """Return all about a queue."""
    trend, tone = trend_words(queue)
    entries = [
        Entry(
            "waiting", f"{queue.depth:,}" + (f" ({fmt.share(queue.depth, queue.bound)} full)" if queue.bound else "")
        ),
        Entry("bound", bound_words(queue)),
        Entry("trend", f"{trend}  {fmt.sparkline(queue.history, 12)}".rstrip(), tone),
        Entry("oldest", fmt.age(queue.oldest_s)),
        Entry("in flight", f"{queue.in_flight:,}"),
        Entry("in", f"{fmt.rate(queue.in_rate)}/s"),
        Entry("out", f"{fmt.rate(queue.out_rate)}/s"),
        Entry("written by", ", ".join(queue.writers) or "no loop"),
        Entry("read by", ", ".join(queue.readers) or "no loop; its items are kept for the first reader"),
        Entry("unaccounted", f"{queue.unaccounted:,}", Tone.BAD if queue.unaccounted else Tone.TEXT),
    ]
    for group in queue.groups:
        entries += _group_entries(group)
    return Detail(f"Queue {queue.name}", tuple(entries))


def _group_entries(group: GroupView) -> list[Entry]:
    entries = [
        heading(f"Read by {reader_name(group)}"),
        Entry("waiting", f"{group.waiting:,}, the oldest for {fmt.age(group.oldest_s)}" if group.waiting else "0"),
        Entry("out", f"{fmt.rate(group.out_rate)}/s, {fmt.plural(group.tracks, 'track')}"),
    ]
    if group.dead or group.dropped:
        entries.append(Entry("ended badly", f"{group.dead:,} as dead letters, {group.dropped:,} dropped"))
    for holder in group.holders:
        held = f"{group_items(holder.in_flight)}, the first for {fmt.age(holder.held_s)}"
        entries.append(Entry("in flight", f"{holder_name(holder)}: {held}"))
    if group.is_orphan:
        todo = "to do: 3, then M moves them, delete drops them, O forgets the loop"
        gone = f"{group.loop}: {group.waiting:,} wait for it, but it is gone"
        entries.append(Entry("orphan", f"{gone} ({todo})", Tone.WARN))
    return entries


def group_items(number: int) -> str:
    """Return `1 item`, `5 items`."""
    return fmt.plural(number, "item")


def describe_queue(name: str) -> Describe:
    """Return what tells all about a queue from any snapshot."""

    def describe(snapshot: EngineSnapshot) -> Detail | None:
        return next((queue_detail(queue) for queue in snapshot.queues if queue.name == name), None)

    return describe


def item_state(item: QueuedItem) -> Word:
    """Return where an item stands."""
    if item.owner is not None:
        return "in flight", Tone.ACCENT
    return (f"try {item.tries}", Tone.WARN) if item.tries > 1 else ("waiting", Tone.MUTED)


def item_line(item: QueuedItem) -> str:
    """Return a payload in one line, its beginning if it is long."""
    if item.is_cut:
        return f"{item.payload}…" if item.payload else f"{fmt.size(item.size)}: enter shows it"
    try:
        return as_line(json.loads(item.payload))
    except (ValueError, RecursionError):
        return item.payload


def item_detail(item: QueuedItem, queue: str, now: float) -> Detail:
    """Return all about an item, at a time in seconds since the epoch."""
    state, tone = item_state(item)
    if item.owner is None:
        where = f"waits, number {item.place.index + 1} from the head" + (f", {state}" if item.tries > 1 else "")
    else:
        where = f"in flight: {item.owner} of {item.owner.loop}" + (f", try {item.tries}" if item.tries > 1 else "")
    entries = [
        Entry("item", item.id),
        Entry("queue", queue),
        Entry("state", where, tone),
        Entry("pushed", f"{fmt.moment(item.at)} ({fmt.age(now - item.at)} ago)"),
        Entry("made by", item.origin or fmt.NOTHING),
        Entry("trace", item.trace),
        Entry("size", f"{item.size:,} bytes"),
        heading("Payload"),
    ]
    return Detail(f"Item {item.id}", (*entries, *_payload(item.payload)))


def _payload(text: str) -> list[Entry]:
    try:
        return json_entries(json.loads(text))
    except (ValueError, RecursionError):
        return [Entry("", "It is no JSON:", Tone.WARN), Entry("", text)]
