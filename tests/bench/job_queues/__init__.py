"""The queues that are measured side by side; each one's hop is in a module of its own, imported in a child only."""

from __future__ import annotations

from dataclasses import dataclass

FLOWTUI, RAW = "flowtui", "raw"
#: With a number beside it, and as JSON, about 200 bytes.
PAYLOAD_TEXT = "x" * 180


@dataclass(frozen=True, slots=True)
class System:
    """One way to bring an item from where it is made, through a queue on the server, to where it is acknowledged.

    Attributes:
        module: in this package.
        hop: in the module: a context manager that yields a function, which sends as many items through as asked and
            returns the seconds.
        distribution: what is installed, empty if nothing.
        keeps: what becomes of an item that a worker held when it died.
        settings: how it is set up.
    """

    name: str
    module: str
    hop: str
    distribution: str
    keeps: str
    settings: str

    @property
    def peer(self) -> str:
        """Whose system it is, as several may be of one peer; empty if of none."""
        return "" if self.name in (FLOWTUI, RAW) else self.name.split()[0]


SYSTEMS = (
    System(
        FLOWTUI,
        "flowtui_hop",
        "hop",
        "flowtui",
        "kept, and neither lost nor doubled between loops",
        "one process, pool asyncio, default bound: producer and queue-writer; queue-reader and one async node that "
        "does nothing",
    ),
    System(
        RAW,
        "raw_hop",
        "hop",
        "",
        "stays in a list that nobody looks through",
        "one process, two coroutines: RPUSH; a Lua fetch, LTRIM; flowtui's JSON and batch sizes, nothing else",
    ),
    System(
        "huey",
        "huey_jobs",
        "hop",
        "huey",
        "lost (BRPOP; huey has nothing safer on Redis)",
        "huey_consumer -k process -w 2 -n -C; results=False; jobs made by one other process",
    ),
    System(
        "dramatiq",
        "dramatiq_jobs",
        "hop",
        "dramatiq",
        "run again when its heartbeat has ended",
        "dramatiq --processes 2 --threads 32, default prefetch, no middleware, no results; jobs made by one other "
        "process",
    ),
    System(
        "taskiq list",
        "taskiq_jobs",
        "list_hop",
        "taskiq",
        "lost (BRPOP)",
        "taskiq worker --workers 2 --max-async-tasks 100 --max-prefetch 100 --no-parse, no results, uvloop; "
        "jobs made by 32 coroutines of one other process",
    ),
    System(
        "taskiq stream",
        "taskiq_jobs",
        "stream_hop",
        "taskiq",
        "run again after ten minutes (XACK, XAUTOCLAIM)",
        "the same with RedisStreamBroker, xread_count 100",
    ),
    System(
        "arq",
        "arq_jobs",
        "hop",
        "arq",
        "run again after its time limit",
        "one worker, max_jobs 256, queue_read_limit 256, poll_delay 5 ms, keep_result 0; jobs made by 32 coroutines of "
        "one other process",
    ),
)
