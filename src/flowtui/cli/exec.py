"""`flowtui exec`: run one node, as production would, and print what comes of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from flowtui.cli.node_args import Target, changes_of, find_node, given_inputs, why_unfit
from flowtui.cli.options import Flags, engine_options, is_private, settings_of
from flowtui.cli.streams import results
from flowtui.cli.tables import frames
from flowtui.cli.usage import Misuse
from flowtui.engine.dev_process import DevProcesses
from flowtui.engine.development import Development
from flowtui.engine.processes import fork
from flowtui.graph.node_revisions import upstream
from flowtui.model.development import DevLine, DevRequest, DevRun, NodeInput, Origin
from flowtui.model.errors import BadInput, MissingInputs
from flowtui.model.log_lines import LogLine, line_text
from flowtui.model.states import NodeKind
from flowtui.nodes.forms import edit
from flowtui.nodes.secrets import Secrets
from flowtui.settings import Settings
from flowtui.storage.local_data import has_data

if TYPE_CHECKING:
    from flowtui.storage.data_store import DataStore

_INTERRUPTED = 130


@click.command("exec")
@click.argument("target", metavar="FILE:NODE")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="[UPSTREAM=]JSON",
    help="The input: a JSON object, @file, or - for standard input. Of a join one for each UPSTREAM.",
)
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="Try another setting, such as min_total=3 or a.b=x."
)
@click.option("--upstream", "with_upstream", is_flag=True, help="First run what is missing upstream.")
@click.option("--pin", "shall_pin", is_flag=True, help="Pin the output: in development the nodes behind get it.")
@click.option("--json", "as_json", is_flag=True, help="Print the result in one line.")
@engine_options
def exec_(
    target: str,
    inputs: tuple[str, ...],
    settings: tuple[str, ...],
    with_upstream: bool,
    shall_pin: bool,
    as_json: bool,
    flags: Flags,
) -> int:
    """Run one node of a workflow, as production would, and print what comes of it as JSON.

    FILE is a workflow file, or the name of one in workflows/; NODE is the id of a node. What no --input gives comes
    from pins, from the last runs of the nodes before, or from production. What the node logs goes to standard error.
    Exit 1 if the node failed, 2 if it has no input.
    """
    found = find_node(target)
    given = given_inputs(inputs)
    if with_upstream and any(not each.upstream for each in given):
        raise Misuse("an --input that is all that the node takes leaves nothing to run --upstream: leave one out")
    with results() as out:
        try:
            told = _in_development(found, flags, _Wish(given, settings, with_upstream, shall_pin))
        except MissingInputs as error:
            raise Misuse(f"{error} (here: --upstream, or --input)") from None
        except BadInput as error:
            raise Misuse(str(error)) from None
        except KeyboardInterrupt:
            return _INTERRUPTED
        out.write(f"{json.dumps(told, ensure_ascii=False, indent=None if as_json else 2)}\n")
    return 0 if told["ok"] else 1


@dataclass(frozen=True, slots=True)
class _Wish:
    """How the node shall be run."""

    inputs: tuple[NodeInput, ...]
    settings: tuple[str, ...]
    with_upstream: bool
    shall_pin: bool


def _in_development(target: Target, flags: Flags, wish: _Wish) -> dict[str, Any]:
    where = settings_of(target.folder, flags)
    with contextlib.ExitStack() as opened:
        processes = DevProcesses(where.log_level, fork)
        opened.callback(processes.close)
        processes.warm()  # while there are no threads
        store = _store(where, needed=wish.with_upstream)
        if store is not None:
            opened.callback(store.close)
        plans = {plan.loop: plan for plan in target.workflow.plans}
        development = Development(lambda: plans, target.folder, Secrets(os.environ), store, processes=processes)

        async def work() -> dict[str, Any]:
            try:
                return await _Shell(development, target).run(wish)
            finally:
                if store is not None:
                    await store.release()

        return asyncio.run(work())


def _store(settings: Settings, *, needed: bool) -> DataStore | None:
    """Open the store of production, to work beside it, if there is one; else one in memory, if one is needed."""
    exists = settings.store != "memory" and (not is_private(settings) or has_data(settings.state_dir))
    if not (exists or needed):
        return None
    # Only now: to load it takes as long as half of the rest.
    open_with = import_module("flowtui.cli.stores").open_with
    store: DataStore = open_with(settings if exists else replace(settings, store="memory"), for_development=True)
    return store


class _Shell:
    """One call of the command."""

    def __init__(self, development: Development, target: Target) -> None:
        self._development = development
        self._target = target
        self._loop = target.plan.loop

    async def run(self, wish: _Wish) -> dict[str, Any]:
        """Run the node, and return what came of it as it is printed."""
        id = self._target.node.id
        config = await self._config(wish.settings) if wish.settings else None
        if wish.with_upstream and (failed := await self._run_upstream(wish.inputs)):
            return _told(id, None, failed)
        run = await self._run_one(DevRequest(self._loop, id, config, wish.inputs))
        if wish.shall_pin and run.output is not None:
            await self._development.pin(self._loop, id, run.output)
        elif wish.shall_pin:
            _say(f"nothing is pinned, as there is no output of {id}")
        return _told(id, run, _failure(run))

    async def _config(self, settings: tuple[str, ...]) -> dict[str, Any]:
        node = self._target.node
        inspection = await self._development.inspect(self._loop, node.id)
        changes = changes_of(settings, inspection.form, inspection.config)
        has_item = node.kind is not NodeKind.PRODUCER
        edited = edit(node.type.cls.Config, inspection.config, changes, has_item=has_item)
        if unfit := why_unfit(node.id, edited):
            raise Misuse(unfit)
        return edited.config

    async def _run_upstream(self, given: tuple[NodeInput, ...]) -> str:
        """Run what is missing before the node, as far as no input is given for it; return why one of these failed."""
        plan, node = self._target.plan, self._target.node
        others = {need.index for need in node.needs} - {each.index for each in plan.nodes if each.id in _names(given)}
        wanted = {plan.nodes[at].id for need in others for at in (need, *upstream(plan, need))}
        planned = [each for each in await self._development.plan_upstream(self._loop, node.id) if each.node in wanted]
        for each in planned:
            _say(f"first runs {each.node} ({each.type}): {each.why}")
        for each in planned:
            try:
                run = await self._run_one(DevRequest(self._loop, each.node))
            except MissingInputs as error:  # of a branch that was not taken; whether that matters says who needs it
                _say(f"{each.node} is left out: {error}")
                continue
            if run.failure is not None:
                return f"{each.node}, which comes before it, failed: {_failure(run)}"
        return ""

    async def _run_one(self, request: DevRequest) -> DevRun:
        run = await self._development.run_node(request, _printer(request.loop, request.node))
        taken = [_taken(each) for each in run.inputs if each.origin is not Origin.MOCK]
        if taken:
            _say(f"{request.node} ran with {', '.join(taken)}")
        if run.note:
            _say(f"{request.node}: {run.note}")
        if run.failure is not None:
            _say(f"{request.node} failed: {_failure(run)}")
            click.echo("".join(f"{line}\n" for line in frames(run.failure.traceback)), nl=False, err=True)
        return run


def _taken(given: NodeInput) -> str:
    stale = f", maybe out of date: {given.stale}" if given.stale else ""
    return f"{given.upstream or 'an item'} ({given.origin}{stale})"


def _names(given: tuple[NodeInput, ...]) -> set[str]:
    return {each.upstream for each in given}


def _printer(loop: str, node: str) -> Callable[[DevLine], None]:
    def show(line: DevLine) -> None:
        click.echo(line_text(LogLine(0, line.time, line.level, loop, node, "", line.message)), err=True)

    return show


def _say(text: str) -> None:
    click.echo(f"flowtui: {text}", err=True)


def _failure(run: DevRun) -> str:
    failure = run.failure
    return "" if failure is None else f"{failure.error}: {failure.message}{failure.place}"


def _told(node: str, run: DevRun | None, error: str) -> dict[str, Any]:
    return {
        "ok": not error,
        "node": node,
        "output": run.output.payload if run is not None and run.output is not None else None,
        "port": run.port or None if run is not None else None,
        "error": error or None,
        "duration_ms": run.ms if run is not None else None,
        "inputs": [_input(each) for each in run.inputs] if run is not None else [],
    }


def _input(given: NodeInput) -> dict[str, Any]:
    return {
        "upstream": given.upstream or None,
        "origin": given.origin,
        "at": given.at or None,
        "stale": given.stale or None,
        "payload": given.data.payload,
    }
