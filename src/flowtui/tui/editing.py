"""The user's editor: which one it is, how it is told the line, and the terminal that it gets while the app waits."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from textual.message import Message

from flowtui.model.development import SourcePlace
from flowtui.model.errors import FlowtuiError, Problem
from flowtui.model.log_lines import LogLine
from flowtui.model.snapshot import DeadLetterGroup, LoopView, NodeView

_VARIABLES = ("VISUAL", "EDITOR")
#: Taken in this order if no variable names an editor.
_USUAL = ("nano", "vim", "vi")
#: How each editor takes a place before the file's name.
_PLUS = {
    **dict.fromkeys(("vim", "nvim"), "+call cursor({line},{column})"),
    **dict.fromkeys(("nano", "ne"), "+{line},{column}"),
    **dict.fromkeys(("emacs", "emacsclient", "micro", "kak"), "+{line}:{column}"),
    **dict.fromkeys(("vi", "joe", "mg"), "+{line}"),
}
_BEHIND = ("helix", "hx")
#: They return at once, unless they are told to wait.
_WINDOWS = ("code", "code-insiders", "codium")
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
#: What a person types in the editor, and means for the editor.
_TYPED = (signal.SIGINT, signal.SIGQUIT)


class EditSource(Message):
    """Asks the app to open a place in the user's editor; `then` is called when the folder has been read again."""

    def __init__(self, place: SourcePlace, then: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.place = place
        self.then = then


def chosen_code(row: object, loop: LoopView | None) -> SourcePlace | tuple[str, str] | None:
    """Return what to edit for a row of the overview: a place, or a loop and a node, which is empty for all of it.

    `loop` is the one whose nodes are shown. None if nothing belongs to the row.
    """
    match row:
        case SourcePlace():
            return row
        case Problem():
            return SourcePlace(row.path, row.line, row.column)
        case LoopView():
            return row.id, ""
        case NodeView() if loop is not None:
            return loop.id, row.id
        case DeadLetterGroup() | LogLine() if row.loop:
            return row.loop, row.node
    return None


def editor_command(place: SourcePlace, env: Mapping[str, str]) -> list[str]:
    """Return the command that opens a place in the editor of `VISUAL` or `EDITOR`, else in a usual one.

    Raises:
        FlowtuiError: if there is no editor, or nothing to open.
    """
    path = os.path.abspath(place.path)
    if not os.path.isfile(path):
        what = "is a folder: there is nothing to edit" if os.path.isdir(path) else "is gone: there is nothing to edit"
        raise FlowtuiError(f"{place.path} {what}")
    words = _editor(env)
    name = Path(words[0]).name
    line, column = place.line, max(place.column, 1)
    if name in _WINDOWS:
        waits = [] if {"-w", "--wait"} & set(words) else ["--wait"]
        return [*words, *waits, "-g", f"{path}:{max(line, 1)}:{column}"]
    if not line:
        return [*words, path]
    if name in _BEHIND:
        return [*words, f"{path}:{line}:{column}"]
    if name in _PLUS:
        # Only where the column is known: an editor may otherwise have a better idea, as the first letter of the line.
        plus = _PLUS[name] if place.column else "+{line}"
        return [*words, plus.format(line=line, column=column), path]
    return [*words, path]


def _editor(env: Mapping[str, str]) -> list[str]:
    for variable in _VARIABLES:
        text = env.get(variable, "")
        try:
            words = shlex.split(text)
        except ValueError:
            raise FlowtuiError(f"{variable} is no command: {text!r}; set it to your editor, like vim") from None
        if words:
            return words
    found = next((name for name in _USUAL if shutil.which(name, path=env.get("PATH"))), None)
    if found is None:
        raise FlowtuiError("no editor is set: set VISUAL or EDITOR to yours, like EDITOR=nano, and start flowtui again")
    return [found]


def run_editor(command: Sequence[str], terminal: int) -> str:
    """Run an editor on a terminal until it ends; return why that failed, empty if it did not.

    The calling thread waits meanwhile. It must be the main one, and the app must have let go of the terminal, which is
    standard input too. Stopped by ctrl+z the editor takes the app along, until the shell lets both go on.
    """
    name = Path(command[0]).name
    try:
        process = subprocess.Popen(command, stdout=terminal, stderr=terminal)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return f"{command[0]} can't be started: {reason}; set VISUAL or EDITOR to your editor"
    with _signals_for(process):
        while True:
            _, status = os.waitpid(process.pid, os.WUNTRACED)
            if not os.WIFSTOPPED(status):
                break
            os.kill(os.getpid(), signal.SIGSTOP)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode < 0:
        return f"{name} was ended by {signal.Signals(-process.returncode).name}"
    return f"{name} ended with exit code {process.returncode}" if process.returncode else ""


@contextlib.contextmanager
def _signals_for(process: subprocess.Popen[Any]) -> Iterator[None]:
    """Let the editor decide what typed signals mean, and end it when the app is to end."""
    before = {number: signal.getsignal(number) for number in (*_TYPED, *_PASSED_ON)}
    for number in _TYPED:
        signal.signal(number, lambda *_: None)
    for number in _PASSED_ON:
        # The app's event loop is told as well, and obeys as soon as it goes on.
        signal.signal(number, lambda signum, _: process.send_signal(signum))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
