"""`flowtui`: the group of all commands, and how errors and exit codes leave the process."""

from __future__ import annotations

import gc
import importlib
import os
import sys
import threading
import traceback
from typing import Any

import click

from flowtui.cli.streams import open_closed_streams
from flowtui.cli.usage import DEFAULT_COMMAND, Misuse
from flowtui.model.errors import FlowtuiError

#: Name → where it is, and one line of help. A command's module, and with it Textual, is imported when it is used.
_COMMANDS = {
    DEFAULT_COMMAND: (
        "flowtui.cli.open:open_app",
        "Open the app on a folder of workflows; what `flowtui FOLDER` does.",
    ),
    "run": ("flowtui.cli.run:run", "Run a folder of workflows; with --headless, without a screen."),
    "dev": ("flowtui.cli.dev:dev", "Open the app to work on nodes: no loop starts, the inspector comes first."),
    "exec": ("flowtui.cli.exec:exec_", "Run one node of a workflow, with any input, and print what comes of it."),
    "test": ("flowtui.cli.test:test", "Run the test cases of a folder of workflows."),
    "new": ("flowtui.cli.new:new", "Make a node or a workflow to begin with, and its test."),
    "check": ("flowtui.cli.check:check", "Show every problem of every workflow file."),
    "nodes": ("flowtui.cli.nodes:nodes", "List the node types, or show all about one: its settings, an example."),
    "convert": ("flowtui.cli.convert:convert", "Write a workflow in JSON, also a React Flow export, as YAML."),
    "config": (
        "flowtui.cli.config:config",
        "Show how the screen looks and which keys it knows, and where to change it.",
    ),
    "doctor": ("flowtui.cli.doctor:doctor", "Check the store, the disk and the terminal."),
    "schema": ("flowtui.cli.schema:schema", "Print a JSON Schema of workflow files, for editors."),
    "queues": ("flowtui.cli.queues:queues", "Show queues; peek into, fill, purge and move them."),
    "dead": ("flowtui.cli.dead:dead", "List, show, edit, replay, purge and export dead letters."),
    "find": ("flowtui.cli.find:find", "Tell where an item is: in which queue, dead letter, sample or log."),
    "trigger": ("flowtui.cli.trigger:trigger", "Run a workflow once that waits for it, and follow it to its result."),
    "logs": ("flowtui.cli.logs:logs", "Show what engines have logged, and follow it."),
    "start": ("flowtui.cli.control:start", "Start a loop of a running engine, or all loops."),
    "pause": ("flowtui.cli.control:pause", "Pause a loop, or all."),
    "resume": ("flowtui.cli.control:resume", "Let a paused loop go on, or all."),
    "drain": ("flowtui.cli.control:drain", "Work off what a loop has, then stop it; or all."),
    "stop": ("flowtui.cli.control:stop", "Stop a loop, or all."),
    "kill": ("flowtui.cli.control:kill", "End a loop at once, or all."),
    "restart": ("flowtui.cli.control:restart", "Stop a loop and start it again, or all."),
}
#: Seconds for a thread that is about to end.
_LAST_WAIT_S = 0.1
#: Objects made and not freed after which Python looks for garbage. To load a command makes tens of thousands that stay:
#: with its own 700 Python looks through them again and again, for a tenth of the time.
_COLLECT_AFTER = 50_000


class _Commands(click.Group):
    """Imports commands when they are used, and takes anything that is no command as the folder to open."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {name for param in self.params for name in param.opts} | set(ctx.help_option_names)
        if not args or (args[0] not in _COMMANDS and args[0] not in own):
            args = [DEFAULT_COMMAND, *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="flowtui", prog_name="flowtui")
def cli() -> None:
    """Run, watch and mend a folder of workflows.

    `flowtui FOLDER` opens the app on the workflow files in FOLDER (default: workflows/).
    """


def main() -> None:
    """Entry point of the `flowtui` command."""
    gc.set_threshold(_COLLECT_AFTER, *gc.get_threshold()[1:])
    open_closed_streams()
    code = invoke()
    # Python waits for worker threads at its end, daemons or not; one in which a node hangs would keep it for ever.
    others = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    for thread in others:
        thread.join(_LAST_WAIT_S)
    if any(thread.is_alive() for thread in others):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    gc.freeze()  # the memory is about to go as a whole: to look for garbage once more takes a sixth of a short command
    sys.exit(code)


def invoke() -> int:
    """Run the command of `sys.argv` and return its exit code; what goes wrong is told on stderr."""
    try:
        result: Any = cli(standalone_mode=False)
    except click.Abort:
        return 130
    except SystemExit as exit:  # click's answer to a reader that is gone, as after `| head`
        return exit.code if isinstance(exit.code, int) else 1
    except click.exceptions.NoArgsIsHelpError as error:  # a group without a command
        error.show()
        return error.exit_code
    except Exception as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        text, code = _told(error)
        click.echo(f"flowtui: {text}", err=True)
        return code
    return result if isinstance(result, int) else 0


def _told(error: Exception) -> tuple[str, int]:
    """Return one sentence for the user, and the exit code."""
    match error:
        case FlowtuiError():
            return str(error), 1
        case Misuse():
            return error.message, 2
        case click.UsageError():
            command = error.ctx.command_path if error.ctx else "flowtui"
            return f"{error.format_message().rstrip('.')}; for help: {command} --help", 2
        case click.ClickException():
            return error.format_message(), error.exit_code
        case OSError():
            return f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}", 1
    return (
        f"{type(error).__name__}: {error}; this is a fault in flowtui: "
        "please report it with what the same command says with --debug"
    ), 1
