"""`flowtui trigger`: run a workflow once, and follow it until its result."""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO, TypeVar

import click

from flowtui.cli.options import Duration, Flags, engine_options
from flowtui.cli.run_texts import Progress, failure, result_text, run_lines
from flowtui.cli.stores import existing_store, running_store, work_in
from flowtui.cli.streams import results
from flowtui.cli.usage import Folder, Misuse, json_object
from flowtui.client.remote import RemoteEngines
from flowtui.model.errors import BadInput, NoAnswer, NoEngine
from flowtui.model.runs import Asked, Run, RunState
from flowtui.storage.data_store import DataStore

T = TypeVar("T")
_INTERRUPTED = 130


@click.command()
@click.argument("words", nargs=-1, metavar="WORKFLOW [FOLDER]")
@click.option("--folder", "folders", multiple=True, metavar="FOLDER", help="Another way to name the folder.")
@click.option("--node", default="", metavar="NODE", help="Which trigger, if the workflow has several.")
@click.option("--input", "text", metavar="JSON", help="The inputs: a JSON object, @file, or - for standard input.")
@click.option("--wait", is_flag=True, help="Follow the run, node by node, until its result.")
@click.option("--timeout", type=Duration(), help="How long to wait, such as 30s; the run goes on after that.")
@click.option("--show", metavar="RUN", help="Show a run that was asked for before; with --wait, follow it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; while it waits, a line for each change.")
@engine_options
@click.pass_context
def trigger(
    ctx: click.Context,
    words: tuple[str, ...],
    folders: tuple[str, ...],
    node: str,
    text: str | None,
    wait: bool,
    timeout: float | None,
    show: str | None,
    as_json: bool,
    flags: Flags,
) -> int:
    """Run a workflow once, in the engine that runs its folder.

    WORKFLOW is its name, or the id of a trigger's loop such as orders.ask, in FOLDER (default: workflows/). With --wait
    each node is told of on standard error as it ends, and the result is printed: exit 0 if it is done, 1 if it failed.
    """
    if timeout is not None and not wait:
        raise Misuse("--timeout goes with --wait", ctx)
    if show is not None and (node or text is not None):
        raise Misuse("--show is for a run that has its inputs: leave out --node and --input", ctx)
    if show is None and not words:
        raise Misuse("which workflow shall run? name it, such as orders", ctx)
    named = (*words[0 if show else 1 :], *folders)
    if len(named) > 1:
        raise Misuse(f"{named[1]!r} is one word too many; a run is of one workflow, in one folder", ctx)
    folder = Folder().convert(named[0], None, ctx) if named else Path("workflows")
    values = {} if text is None else json_object(text, "input")
    with results() as out:
        caller = _Caller(folder, flags, as_json, wait, timeout, out)
        if show is not None:
            return caller.show(show)
        return caller.trigger(words[0], node, values)


@dataclass(frozen=True, slots=True)
class _Caller:
    """What is to be done with a run, and where it is told of."""

    folder: Path
    flags: Flags
    as_json: bool
    wait: bool
    timeout: float | None
    out: TextIO

    def trigger(self, target: str, node: str, values: dict[str, Any]) -> int:
        """Have a workflow run; return the exit code."""
        asked: list[Asked] = []

        async def work(store: DataStore) -> Run | None:
            engines = RemoteEngines(store)
            asked.append(await engines.trigger(target, node, values))
            if asked[0].waits:
                click.echo(f"flowtui: {asked[0].waits}", err=True)
            return await self._follow(engines, asked[0].run) if self.wait else None

        try:
            run = self._in_engine(work)
        except BadInput as error:
            raise Misuse(str(error)) from None
        except KeyboardInterrupt:
            return self._left(asked[0].run if asked else "")
        if run is not None:
            return self._tell(run)
        told = {"run": asked[0].run, "loop": asked[0].loop, "state": asked[0].state}
        plain = f"run {asked[0].run} of {asked[0].loop}; to follow it: {self._look(asked[0].run)} --wait"
        self.out.write(f"{json.dumps(told) if self.as_json else plain}\n")
        return 0

    def show(self, id: str) -> int:
        """Tell of a run that was asked for before, or follow it; return the exit code."""
        if self.wait:
            try:
                return self._tell(self._in_engine(lambda store: self._follow(RemoteEngines(store), id)))
            except KeyboardInterrupt:
                return self._left(id)
        run = work_in(existing_store(self.folder, self.flags), lambda store: store.runs().find(id))
        lines = [json.dumps(run.as_dict())] if self.as_json else run_lines(run)
        if not self.as_json and run.state is RunState.FAILED:
            lines.append(failure(run, self._where(" --folder ")))
        self.out.writelines(f"{line}\n" for line in lines)
        if not self.as_json and run.state is RunState.DONE:
            self._result(run)
        return 0

    def _in_engine(self, work: Callable[[DataStore], Awaitable[T]]) -> T:
        try:
            return work_in(running_store(self.folder, self.flags), work)
        except NoEngine:
            start = f"flowtui {shlex.quote(str(self.folder))}"
            raise NoEngine(f"no engine runs on this folder; start it with `{start}`") from None

    async def _follow(self, engines: RemoteEngines, id: str) -> Run:
        progress = Progress()
        try:
            async with asyncio.timeout(self.timeout):
                async for run in engines.follow(id):
                    if run.has_ended and self.as_json:
                        break  # the last line is that of the whole run
                    if self.as_json:
                        self.out.write(f"{json.dumps(_change(run))}\n")
                        self.out.flush()
                    else:
                        for line in progress.news(run):
                            click.echo(line, err=True)
        except TimeoutError:
            words = f"run {id} has not ended within {self.timeout:g} s and goes on; to look: {self._look(id)}"
            raise NoAnswer(words) from None
        except NoEngine:
            words = f"no engine runs any more; run {id} goes on when one starts; to look: {self._look(id)}"
            raise NoAnswer(words) from None
        return run

    def _tell(self, run: Run) -> int:
        if self.as_json:
            self.out.write(f"{json.dumps(run.as_dict())}\n")
        elif run.state is RunState.DONE:
            self._result(run)
        if run.state is RunState.FAILED:
            click.echo(f"flowtui: {failure(run, self._where(' --folder '))}", err=True)
        return 1 if run.state is RunState.FAILED else 0

    def _result(self, run: Run) -> None:
        if run.is_cut:
            click.echo("flowtui: the result is too big to be kept: this is only its beginning", err=True)
        self.out.write(f"{result_text(run)}\n")

    def _left(self, id: str) -> int:
        words = f"run {id} goes on; to look: {self._look(id)}" if id else "nothing was asked for"
        click.echo(f"flowtui: {words}", err=True)
        return _INTERRUPTED

    def _look(self, id: str) -> str:
        return f"flowtui trigger --show {id}{self._where(' ')}"

    def _where(self, before: str) -> str:
        return "" if self.folder == Path("workflows") else f"{before}{shlex.quote(str(self.folder))}"


def _change(run: Run) -> dict[str, Any]:
    """Return what a line of progress says: where the run and its nodes are, without what may be long."""
    nodes = {node.id: node.state for _, node in run.in_layers()}
    told: dict[str, Any] = {"run": run.id, "state": run.state, "attempt": run.attempt, "nodes": nodes}
    return told | ({"error": run.error} if run.error else {})
