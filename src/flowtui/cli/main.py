"""`flowtui`: the group of all commands, and how errors and exit codes leave the process."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import traceback
from importlib.metadata import version
from typing import Any

import click

from flowtui.model.errors import FlowtuiError

#: Name → where it is, and one line of help. A command's module, and with it Textual, is imported when it is used.
_COMMANDS = {
    "open": ("flowtui.cli.open:open_app", "Open the app on a folder of workflows; what `flowtui FOLDER` does."),
    "run": ("flowtui.cli.run:run", "Run a folder of workflows; with --headless, without a screen."),
    "check": ("flowtui.cli.check:check", "Show every problem of every workflow file."),
}
_DEFAULT = "open"


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
            args = [_DEFAULT, *args]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _COMMANDS.items()])


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("flowtui"), prog_name="flowtui")
def cli() -> None:
    """Run, watch and mend a folder of workflows.

    `flowtui FOLDER` opens the app on the workflow files in FOLDER (default: workflows/).
    """


def main() -> None:
    """Entry point of the `flowtui` command."""
    code = _invoke()
    sys.stdout.flush()
    sys.stderr.flush()
    # A node that hangs in a worker thread would keep the interpreter waiting for ever.
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        os._exit(code)
    sys.exit(code)


def _invoke() -> int:
    try:
        result: Any = cli(standalone_mode=False)
    except FlowtuiError as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        click.echo(f"flowtui: {error}", err=True)
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130
    except BrokenPipeError:
        # The reader of our output is gone, as after `| head`: say nothing and let the streams go.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return result if isinstance(result, int) else 0
