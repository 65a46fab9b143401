"""`flowtui start`, `pause`, `stop` and so on: commands for the loops of engines that run elsewhere."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

import click

from flowtui.cli.options import Flags, engine_options
from flowtui.cli.stores import running_store, work_in
from flowtui.cli.usage import Folder, Misuse
from flowtui.client.remote import Obeyed, RemoteEngines
from flowtui.model.errors import NoEngine
from flowtui.model.states import Command

_HELP = {
    Command.START: "Start a loop.",
    Command.PAUSE: "Pause a loop: what is in flight settles, nothing more begins.",
    Command.RESUME: "Let a paused loop go on.",
    Command.DRAIN: "Drain a loop: work off what there is, then stop.",
    Command.STOP: "Stop a loop: what is in flight gets its grace, the rest returns to its queue.",
    Command.KILL: "End a loop at once; what is in flight is recovered as after a crash.",
    Command.RESTART: "Stop a loop, then start it again; start it if it rests.",
}
_MORE = """

    LOOP is its id, such as orders.incoming. The command reaches every engine that runs the workflows in FOLDER
    (default: workflows/) or shares their store, and is carried out wherever the loop is known.
"""


def _make(command: Command) -> click.Command:
    @click.command(command.value, help=_HELP[command] + _MORE)
    @click.argument("words", nargs=-1, metavar="LOOP [FOLDER]")
    @click.option("--folder", "folders", multiple=True, metavar="FOLDER", help="Another way to name the folder.")
    @click.option("--all", "on_all", is_flag=True, help="Every loop whose state allows it, instead of one LOOP.")
    @click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
    @engine_options
    @click.pass_context
    def run(
        ctx: click.Context, words: tuple[str, ...], folders: tuple[str, ...], on_all: bool, as_json: bool, flags: Flags
    ) -> int:
        loop = None if on_all else _loop(ctx, words)
        folder = _folder(ctx, (*words[0 if on_all else 1 :], *folders))
        return _carry_out(command, loop, folder, flags, as_json=as_json)

    return run


start, pause, resume, drain, stop, kill, restart = map(_make, _HELP)


def _loop(ctx: click.Context, words: tuple[str, ...]) -> str:
    if not words:
        raise Misuse(f"which loop shall {ctx.info_name}? name it, such as orders.incoming, or say --all", ctx)
    return words[0]


def _folder(ctx: click.Context, named: tuple[str, ...]) -> Path:
    if len(named) > 1:
        raise Misuse(f"{named[1]!r} is one word too many; a command is for one loop or --all, and one folder", ctx)
    # The usual one need not exist here: flags may name the store.
    return Folder().convert(named[0], None, ctx) if named else Path("workflows")


def _carry_out(command: Command, loop: str | None, folder: Path, flags: Flags, *, as_json: bool) -> int:
    try:
        store = running_store(folder, flags)
        obeyed, unanswered = work_in(store, lambda store: RemoteEngines(store).command(command, loop))
    except NoEngine:
        raise NoEngine(f"no engine runs on this folder; start it with `flowtui {shlex.quote(str(folder))}`") from None
    click.echo(_as_json(command, obeyed) if as_json else _as_text(obeyed))
    if unanswered is not None:
        raise unanswered
    return 0


def _as_text(obeyed: Sequence[Obeyed]) -> str:
    several = len({each.instance for each in obeyed}) > 1
    lines = [f"{each.loop}: {each.state}{f' on {each.instance}' if several else ''}" for each in obeyed]
    return "\n".join(lines)


def _as_json(command: Command, obeyed: Sequence[Obeyed]) -> str:
    loops = [{"loop": each.loop, "state": each.state, "instance": str(each.instance)} for each in obeyed]
    return json.dumps({"command": command, "loops": loops})
