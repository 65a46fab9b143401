"""A folder with nodes of every kind, and what tests of development do with them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from textwrap import dedent

from flowtui.engine.dev_here import RunsHere
from flowtui.engine.dev_process import RunsNodes
from flowtui.engine.development import Development
from flowtui.graph.folder import load_folder
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.development import DevRequest, DevRun, NodeInput, Sample, Stored
from flowtui.nodes.secrets import Secrets
from flowtui.storage.data_store import DataStore

LOOP = "flow.rows"
SMALL_LOOP = "small.rows"
SECRET = "s3cret-value"
SECRETS = {"FLOWTUI_SECRET_TOKEN": SECRET}

NODES = '''
import asyncio
import decimal
import os
import sys
import time

from flowtui import BlockingNode, ConditionalNode, Exhausted, NonBlockingNode, ProducerNode


class Rows(ProducerNode):
    """Goes on behind its cursor; has nothing at `gap`, and ends at `end`."""
    class Config(ProducerNode.Config):
        end: int = 1000
        gap: int = -1
    waiting = "no row is there"
    def execute(self):
        n = (self.cursor or 0) + 1
        if n == self.config.end:
            raise Exhausted
        if n == self.config.gap:
            return None
        self.cursor = n
        return {"n": n}
    def ended(self, id, outcome):
        self.log.info("told %s", outcome)


class Add(BlockingNode):
    """Adds `by` to `n`, and says so."""
    class Config(BlockingNode.Config):
        by: int = 1
        note: str = ""
    async def execute(self, data):
        self.log.info("adds %d", self.config.by)
        print("printed", data["n"])
        return data | {"n": data["n"] + self.config.by, "note": self.config.note}


class Parity(ConditionalNode):
    """Even or odd."""
    ports = ("even", "odd")
    async def execute(self, data):
        return "odd" if data["n"] % 2 else ("even", data | {"half": data["n"] // 2})


class Keep(BlockingNode):
    """Drops what is not to be kept."""
    def execute(self, data):
        return data if data.get("keep") else None


class Fail(BlockingNode):
    """Fails with what `data` says."""
    def execute(self, data):
        raise ValueError(f"cannot take {data['n']}")


class Later(NonBlockingNode):
    """Not blocking."""
    async def execute(self, data):
        return {"later": data["n"]}


class Odd(BlockingNode):
    """Makes what JSON does not know."""
    def execute(self, data):
        return {"exact": decimal.Decimal("1.5"), "pair": (1, 2), 3: "three"}


class Tell(BlockingNode):
    """Tells a secret everywhere."""
    class Config(BlockingNode.Config):
        token: str
        text: str = ""
    async def execute(self, data):
        self.log.info("the token is %s", self.config.token)
        if data.get("fail"):
            raise ValueError(f"the token {self.config.token} is wrong")
        return {"length": len(self.config.token), "header": f"Bearer {self.config.token}", "text": self.config.text}


class Slow(BlockingNode):
    """Takes its time."""
    def execute(self, data):
        time.sleep(data["seconds"])
        return data


class Where(BlockingNode):
    """Says where it runs."""
    def execute(self, data):
        import threading
        return {"process": os.getpid(), "is_main": threading.current_thread() is threading.main_thread()}
'''

FLOW = """
    nodes:
      rows: {type: rows}
      add: {type: add, needs: rows, config: {by: 2}}
      parity: {type: parity, needs: add}
      even: {type: add, needs: parity.even}
      odd: {type: add, needs: parity.odd}
      both: {type: add, needs: [even, odd]}
      left: {type: add, needs: add, config: {by: 10}}
      right: {type: later, needs: add}
      join: {type: add, needs: [left, right]}
"""

SMALL = """
    nodes:
      rows: {type: rows}
      keep: {type: keep, needs: rows}
      kept: {type: add, needs: keep}
      bad: {type: fail, needs: rows}
      odd: {type: odd, needs: rows}
      after: {type: add, needs: odd}
      once: {type: dedupe, needs: rows, config: {key: n}}
      slow: {type: slow, needs: rows, timeout: 30ms, retry: {attempts: 9}}
      tell: {type: tell, needs: rows, config: {token: "${secret:TOKEN}"}}
      note: {type: add, needs: rows, config: {note: "{{ data.key | length | string }}"}}
"""

QUEUES = """
    nodes:
      rows: {type: rows}
      out: {type: queue-writer, needs: rows, config: {queue: "done"}}
      behind: {type: add, needs: out}
      in: {type: queue-reader, config: {queue: "done"}}
      add: {type: add, needs: in}
      ask: {type: trigger, config: {inputs: {n: {type: integer, default: 7}}}}
      tell: {type: add, needs: ask}
"""


def write_folder(folder: Path, files: Mapping[str, str]) -> Path:
    """Write workflow files, and the nodes that they may use."""
    (folder / "nodes").mkdir(exist_ok=True)
    (folder / "nodes" / "made.py").write_text(NODES)
    for name, text in files.items():
        (folder / name).write_text(dedent(text))
    return folder


def plans_of(folder: Path) -> dict[str, ExecutionPlan]:
    """Return the loops of a folder, which has no problem; it is read anew only if it has changed."""
    return _loaded(folder, tuple(path.read_bytes() for path in (*folder.glob("*.yaml"), *folder.glob("nodes/*.py"))))


@lru_cache(maxsize=8)
def _loaded(folder: Path, _: tuple[bytes, ...]) -> dict[str, ExecutionPlan]:
    loaded = load_folder(folder, os.environ)
    assert [str(problem) for problem in loaded.problems] == []
    return {plan.loop: plan for workflow in loaded.workflows for plan in workflow.plans}


def developing(
    folder: Path,
    store: DataStore | None,
    *,
    processes: RunsNodes | None = None,
    env: Mapping[str, str] | None = None,
) -> Development:
    """Return what works on the nodes of a folder, as its files are whenever it is asked; in this process by default."""
    known = os.environ if env is None else env
    return Development(
        lambda: plans_of(folder), folder, Secrets(known), store, env=known, processes=processes or RunsHere()
    )


def rewrite(path: Path, before: str, after: str) -> None:
    """Change a text in a file that has it."""
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


async def run(bench: Development, node: str, *inputs: NodeInput, loop: str = LOOP, **config: object) -> DevRun:
    """Run a node with these inputs, and with another config if one is given."""
    return await bench.run_node(DevRequest(loop, node, config or None, inputs))


async def run_all(bench: Development, *nodes: str) -> list[DevRun]:
    """Run nodes one after the other."""
    return [await run(bench, node) for node in nodes]


def payload(run: DevRun) -> object:
    """Return the payload of the output of a run that went well."""
    assert run.failure is None, run.failure
    return run.output.payload if run.output is not None else None


async def origins(bench: Development, node: str) -> dict[str, tuple[str, str]]:
    """Return where the input from each upstream comes from, and why it is stale."""
    return {each.upstream: (each.origin, each.stale) for each in (await bench.inspect(LOOP, node)).inputs}


def sample(node: str, output: dict[str, int] | None, **more: object) -> Sample:
    """Return a sample of a node of `LOOP`."""
    told = {"port": "", "error": "", "revisions": {}, "input": None, "cut": (), **more}
    return Sample(LOOP, node, 5.0, "i", output=None if output is None else Stored(output), **told)  # type: ignore[arg-type]
