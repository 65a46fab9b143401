"""Mutations of the graph: ids, needs, loops, queues."""

from __future__ import annotations

from collections.abc import Iterator

from corpus.broken import Broken, Fault, at_key, at_value, misspelt, mutation
from corpus.of_fields import PRODUCERS
from corpus.outline import Entry, Good, Node


@mutation
def a_misspelt_need(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        for need in node.needs:
            name, dot, port = need.text.partition(".")
            text = good.with_value(need, misspelt(name) + dot + port)
            yield at_value(f"{need.text} of {node.id}", text, need, "unknown-need", f"(did you mean '{name}'?)")


@mutation
def a_need_that_is_like_no_node(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        for need in node.needs:
            text = good.with_value(need, "qqqqqqqq")
            yield at_value(f"{need.text} of {node.id}", text, need, "unknown-need", "'qqqqqqqq' in 'needs': ")


@mutation
def a_node_that_is_gone(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        gap = node.last_line - node.entry.line + 1
        users = [need for other in good.nodes.values() for need in other.needs if need.text.split(".")[0] == node.id]
        if not users or node.type.startswith("queue-"):
            continue
        moved = [need.line - gap * (need.line > node.last_line) for need in users]
        faults = tuple(Fault(line, need.column, "unknown-need") for line, need in zip(moved, users, strict=True))
        text = good.without_lines(node.entry.line, node.last_line)
        yield Broken(f"without {node.id}", text, faults, f"unknown node '{node.id}'")


@mutation
def a_need_on_itself(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        for need in node.needs[-1:]:
            yield at_value(node.id, good.with_value(need, node.id), need, "self-need", "needs itself: remove it")


@mutation
def a_need_twice(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        for need in node.needs[-1:]:
            again = need.column + len(need.raw) + 2
            if len(need.path) == 3:
                text, again = good.with_value(need, f"[{need.raw}, {need.raw}]"), again + 1
            else:
                text = good.with_value(need, f"{need.raw}, {need.raw}")
            yield Broken(node.id, text, (Fault(need.line, again, "duplicate-need"),), "twice: remove one")


@mutation
def a_circle(good: Good) -> Iterator[Broken]:
    """The first of two nodes needs the second too, which needs nothing else."""
    for node in good.nodes.values():
        first = good.nodes.get(node.needed[0]) if len(node.needed) == 1 else None
        if first is None or first.type in PRODUCERS or node.type in PRODUCERS or node.entry.line < first.entry.line:
            continue
        need = first.needs[-1]
        if len(need.path) == 3:
            text, column = good.with_value(need, f"[{need.raw}, {node.id}]"), need.column + len(need.raw) + 3
        else:
            text, column = good.with_value(need, f"{need.raw}, {node.id}"), need.column + len(need.raw) + 2
        says = f"{first.id} → {node.id} → {first.id}: remove one of them"
        yield Broken(f"{first.id} ↔ {node.id}", text, (Fault(need.line, column, "cycle"),), says)


@mutation
def a_long_circle(good: Good) -> Iterator[Broken]:
    """A row of nodes of which each needs nothing but the one before, and now the first needs the last."""
    for last in good.nodes.values():
        row = [last]
        while len(row[-1].needed) == 1 and good.nodes[row[-1].needed[0]].type not in PRODUCERS:
            row.append(good.nodes[row[-1].needed[0]])
        first = row[-1]
        if len(row) < 3 or len(first.needed) != 1 or first.needs[0].path[-1] == 0:
            continue
        need = first.needs[0]
        text = good.with_value(need, f"[{last.id}, {need.raw}]")
        yield Broken(last.id, text, (Fault(need.line, need.column + 1, "cycle"),), "the needs go round in a circle")


@mutation
def a_port_that_is_none(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        for need in node.needs:
            name, dot, port = need.text.partition(".")
            if dot:
                text = good.with_value(need, f"{name}.{port}x")
                yield at_value(f"{need.text}x", text, need, "unknown-port", f"(did you mean '{port}'?)")
            elif good.nodes[name].type not in ("if", "switch", "queue-writer"):
                text = good.with_value(need, f"{name}.yes")
                yield at_value(f"{name}.yes", text, need, "unknown-port", "no port 'yes': write only its id")


@mutation
def a_node_that_needs_nothing(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        needs = node.field("needs")
        if needs is not None and node.type not in PRODUCERS:
            text = good.without_lines(needs.line, needs.line)
            yield at_key(node.id, text, node.entry, "unreachable", "add 'needs:' with the node that feeds it")


@mutation
def a_producer_that_needs_a_node(good: Good) -> Iterator[Broken]:
    consumers = [node.id for node in good.nodes.values() if node.type not in (*PRODUCERS, "queue-writer")]
    for node in good.nodes.values():
        entry = node.field("type")
        if node.type not in PRODUCERS or node.needs:
            continue
        text = good.with_line(entry.line, " " * (entry.key_column - 1) + f"needs: {consumers[0]}")
        fault = Fault(entry.line + 1, entry.key_column + 7, "producer-needs")
        says = "can need queue-writers only" if node.type == "queue-reader" else "can't need"
        yield Broken(node.id, text, (fault,), says)


@mutation
def a_join_of_two_loops(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        loop = _loop(good, node)
        other = next((each for each in good.nodes.values() if _loop(good, each) != loop), None)
        if node.type in PRODUCERS or other is None or len(node.needs) != 1 or len(node.needs[0].path) != 3:
            continue
        need = node.needs[0]
        text = good.with_value(need, f"[{need.raw}, {other.id}]")
        fault = Fault(need.line, need.column + len(need.raw) + 3, "join-across-loops")
        yield Broken(f"{node.id} and {other.id}", text, (fault,), "connect two loops with a queue-writer and a queue-")


@mutation
def a_loop_at_a_node_that_is_no_producer(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        if node.type not in PRODUCERS:
            yield _with_field(good, node, "loop: {autostart: false}", "loop-on-consumer", "belongs to a producer")


@mutation
def a_retry_where_it_has_no_use(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        if node.type in (*PRODUCERS, "queue-writer"):
            yield _with_field(good, node, "retry: {attempts: 2}", "no-retry", "remove it")
            yield _with_field(good, node, "timeout: 3s", "no-retry", "remove it")
            yield _with_field(good, node, "cache: {ttl: 3s}", "no-cache", "remove it")


@mutation
def a_pool_below_what_a_node_demands(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        producer = good.nodes[_loop(good, node)]
        loop = producer.field("loop")
        if node.type == "crunch" and loop is not None and loop.is_flow:
            text = good.replaced(loop.line, loop.column + 1, 0, "pool: thread, ")
            fault = Fault(loop.line, loop.column + 7, "pool")
            yield Broken(producer.id, text, (fault,), "node 'crunch', which needs 'process': write that, or")


@mutation
def replicas_of_what_may_run_once_only(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        loop = node.field("loop")
        if node.type not in PRODUCERS or node.type in ("queue-reader", "trigger") or (loop and not loop.is_flow):
            continue
        if loop:
            text = good.replaced(loop.line, loop.column + 1, 0, "replicas: 2, ")
            fault = Fault(loop.line, loop.column + 11, "not-replicable")
        else:
            entry = node.field("type")
            text = good.with_line(entry.line, " " * (entry.key_column - 1) + "loop: {replicas: 2}")
            fault = Fault(entry.line + 1, entry.key_column + 17, "not-replicable")
        yield Broken(node.id, text, (fault,), f"'{node.id}' can't have 2 replicas")


@mutation
def batches_of_what_reads_no_queue(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        entry = node.field("type")
        if node.type in PRODUCERS and node.type != "queue-reader" and node.field("loop") is None:
            text = good.with_line(entry.line, " " * (entry.key_column - 1) + "loop: {batch: {size: 2}}")
            fault = Fault(entry.line + 1, entry.key_column + 14, "no-batch")
            yield Broken(node.id, text, (fault,), "put a queue behind it and give the queue's reader the `batch`")


@mutation
def an_id_with_a_dot(good: Good) -> Iterator[Broken]:
    needed = {need for node in good.nodes.values() for need in node.needed}
    for node in good.nodes.values():
        if node.id not in needed and not node.type.startswith("queue-"):
            text = good.replaced(node.entry.line, node.entry.key_column, len(node.id), node.id + ".x")
            yield at_key(node.id, text, node.entry, "bad-id", "it must be a letter, then letters, digits")


@mutation
def a_name_with_a_blank(good: Good) -> Iterator[Broken]:
    name = good.at("name")
    yield at_value("name", good.with_value(name, "a b"), name, "bad-name", "it must be a letter, then letters, digits")


def _with_field(good: Good, node: Node, field: str, code: str, says: str) -> Broken:
    """Write a field behind the type; one of that name that is there already goes."""
    entry = node.field("type")
    text = good.with_line(entry.line, " " * (entry.key_column - 1) + field)
    return Broken(f"{field} at {node.id}", text, (Fault(entry.line + 1, entry.key_column, code),), says)


def _loop(good: Good, node: Node) -> str | None:
    """The id of the producer that drives a node."""
    while node.type not in PRODUCERS:
        if not node.needed:
            return None
        node = good.nodes[node.needed[0]]
    return node.id


def _queue(node: Node) -> Entry | None:
    return node.field("config", "queue")


@mutation
def two_names_at_one_edge(good: Good) -> Iterator[Broken]:
    for reader in good.nodes.values():
        for need in reader.needs:
            writer = good.nodes[need.text.partition(".")[0]]
            if reader.type != "queue-reader" or _queue(writer) is None or _queue(reader) is None:
                continue
            text = good.with_value(_queue(writer), "elsewhere")
            says = "name one of them, or give both the same name"
            yield at_value(f"{writer.id} → {reader.id}", text, need, "queue-conflict", says)


@mutation
def a_queue_that_nothing_reads(good: Good) -> Iterator[Broken]:
    """All readers of a queue are gone, with what is behind them."""
    for name in sorted(_queues(good, "queue-writer") & _queues(good, "queue-reader")):
        readers = [node for node in good.nodes.values() if node.type == "queue-reader" and _named(node) == name]
        loops = {node.id for node in readers}
        dead = [node for node in good.nodes.values() if _loop(good, node) in loops]
        writers = [node for node in good.nodes.values() if _named(node) == name and node not in dead]
        gone = {node.id for node in dead}
        if any(gone & set(node.needed) for node in good.nodes.values() if node not in dead):
            continue
        lines = good.lines.copy()
        for node in dead:
            lines[node.entry.line - 1 : node.last_line] = ["# gone"] * (node.last_line - node.entry.line + 1)
        queue = _queue(writers[0])
        text = "\n".join(lines) + "\n"
        says = f"add a queue-reader, or share it with others as '/{name}'"
        yield at_value(f"no reader of {name}", text, queue, "queue-without-reader", says)


@mutation
def a_queue_that_nothing_writes(good: Good) -> Iterator[Broken]:
    for name in sorted(_queues(good, "queue-writer") & _queues(good, "queue-reader")):
        ends = [node for node in good.nodes.values() if _named(node) == name]
        writers = [node for node in ends if node.type == "queue-writer"]
        readers = [node for node in ends if node.type == "queue-reader"]
        if len(writers) != 1 or readers[0].needs:
            continue
        text = good.with_value(_queue(writers[0]), "/elsewhere")
        says = f"add a queue-writer, or share it with others as '/{name}'"
        yield at_value(f"no writer of {name}", text, _queue(readers[0]), "queue-without-writer", says)


@mutation
def a_queue_name_with_a_blank(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        if _queue(node) is not None:
            text = good.with_value(_queue(node), "a b")
            yield at_value(node.id, text, _queue(node), "bad-queue", "use letters, digits, '-' and '_'")


@mutation
def an_end_of_no_queue(good: Good) -> Iterator[Broken]:
    for node in good.nodes.values():
        if node.type == "queue-writer" and _queue(node) is not None and _named(node).startswith("/"):
            config = node.field("config")
            text = good.with_value(config, "{}")
            yield at_key(node.id, text, node.entry, "no-queue", "add 'queue:' or let a queue-reader need it")


@mutation
def two_bounds_of_one_queue(good: Good) -> Iterator[Broken]:
    for name in sorted(_queues(good, "queue-writer")):
        writers = [node for node in good.nodes.values() if node.type == "queue-writer" and _named(node) == name]
        bound = writers[-1].field("config", "max_items")
        if len(writers) > 1 and bound is not None:
            config = writers[-1].field("config")
            text = good.with_value(bound, "777")
            where = at_value if config.is_flow else at_key
            fault = where(name, text, config, "queue-conflict", "give both the same").faults[0]
            if not config.is_flow:
                fault = Fault(config.line + 1, config.key_column + 2, "queue-conflict")
            yield Broken(name, text, (fault,), "give both the same")


@mutation
def a_ring_of_bounded_queues(good: Good) -> Iterator[Broken]:
    """All writers of a queue whose reader's loop writes it again get a bound."""
    for reader in good.nodes.values():
        name = _named(reader) if reader.type == "queue-reader" else ""
        writers = [node for node in good.nodes.values() if node.type == "queue-writer" and _named(node) == name]
        back = [node for node in writers if _loop(good, node) == reader.id]
        if not back:
            continue
        text = good.text.replace(", max_items: 0", ", max_items: 9")
        config = back[0].field("config")
        says = "give one of the writers 'max_items: 0' or another 'on_full'"
        yield at_value(name, text, config, "queue-ring", says)


def _named(node: Node) -> str:
    queue = _queue(node)
    return queue.text if queue else ""


def _queues(good: Good, kind: str) -> set[str]:
    """The explicit names of queues of this workflow that a kind of node has."""
    names = {_named(node) for node in good.nodes.values() if node.type == kind}
    return {name for name in names if name and not name.startswith("/")}
