"""The systems that are measured side by side; each one's chain is in a module of its own, imported in a child only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

#: Nodes in a chain, behind what makes the items.
CHAIN = 4
#: The bare calls that the systems' own cost is measured from.
AWAIT, CALL = "bare await", "bare call"
FLOWTUI = "flowtui"
NODE_MORE = "flowtui, more"


@dataclass(frozen=True, slots=True)
class System:
    """One way to send an item through four functions that return it.

    Attributes:
        module: in this package; its `chain(state)` is a context manager that yields a function, which sends as many
            items through as asked and returns the seconds; `state` is a folder of its own.
        distribution: what is installed, empty for the bare calls.
        bare: the bare calls that it adds to.
        what: what is measured, in one sentence.
        env: the environment it needs to keep to itself: no telemetry, no logs; `{state}` is the folder.
    """

    name: str
    module: str
    distribution: str
    bare: str
    what: str
    env: Mapping[str, str] = field(default_factory=dict)

    @property
    def peer(self) -> str:
        """Whose system it is, as several may be of one peer; empty if of none."""
        return "" if self.name in (AWAIT, CALL, FLOWTUI, NODE_MORE) else self.name.split()[0]


SYSTEMS = (
    System(AWAIT, "bare_await", "", AWAIT, "A loop makes a dict and awaits four coroutine functions."),
    System(CALL, "bare_call", "", CALL, "A loop makes a dict and calls four functions."),
    System(
        FLOWTUI,
        "flowtui_chain",
        "flowtui",
        AWAIT,
        "A producer and four async nodes in the asyncio pool, with metrics, log attribution and error capture on.",
    ),
    System(
        NODE_MORE,
        "flowtui_longer",
        "flowtui",
        AWAIT,
        "What four nodes more cost in the same loop, without what is fixed for each item: chains of 24 and of 4.",
    ),
    System(
        "reactivex",
        "reactivex_chain",
        "reactivex",
        CALL,
        "Items from an iterable through four `map` operators to a subscriber, on the current thread.",
    ),
    System(
        "bytewax",
        "bytewax_chain",
        "bytewax",
        CALL,
        "A dataflow of four `map` steps under `run_main`, fed item by item from a source with batches of one.",
    ),
    System(
        "bytewax in tens",
        "bytewax_batches",
        "bytewax",
        CALL,
        "The same dataflow, fed with batches of ten items.",
    ),
    System("streamz", "streamz_chain", "streamz", CALL, "`emit` of each item into four `map` nodes and a sink."),
    System(
        "Faust",
        "faust_chain",
        "faust-streaming",
        CALL,
        "Each item is put into a channel in memory and taken from its stream, with four processors; no broker.",
    ),
    System(
        "Hamilton",
        "hamilton_chain",
        "apache-hamilton",
        CALL,
        "One driver, built once, executes a graph of four functions for each item.",
    ),
    System(
        "Burr",
        "burr_chain",
        "apache-burr",
        CALL,
        "One application of four actions in a ring, without tracker or persister, runs once round for each item.",
    ),
    System(
        "LangGraph",
        "langgraph_chain",
        "langgraph",
        CALL,
        "One graph of four nodes, compiled once without checkpointer, is invoked for each item.",
        env={"LANGSMITH_TRACING": "false", "LANGCHAIN_TRACING_V2": "false"},
    ),
    System(
        "Dask delayed",
        "dask_delayed_chain",
        "dask",
        CALL,
        "One `delayed` graph of all items, four tasks each, is computed by the synchronous scheduler.",
    ),
    System(
        "Dask tasks",
        "dask_tasks_chain",
        "distributed",
        CALL,
        "Four tasks an item are submitted to a scheduler and a worker in this process; all items at once.",
    ),
    System(
        "Ray",
        "ray_chain",
        "ray",
        CALL,
        "Four tasks an item go to a worker of a local cluster, all items at once, without dashboard.",
        env={"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"},
    ),
    System(
        "Prefect",
        "prefect_chain",
        "prefect",
        CALL,
        "Within one flow run, four task calls an item, without cache or stored results; its temporary local server.",
        env={
            "DO_NOT_TRACK": "1",
            "PREFECT_HOME": "{state}",
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "PREFECT_RESULTS_PERSIST_BY_DEFAULT": "false",
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "240",
            "PREFECT_SERVER_LOGGING_LEVEL": "CRITICAL",
        },
    ),
)
