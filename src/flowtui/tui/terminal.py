"""The terminal: given to Textual alone while the app runs, given back whole however the app ends."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, ClassVar, cast

from textual.app import App
from textual.driver import Driver
from textual.drivers.linux_driver import LinuxDriver

from flowtui.model.errors import FlowtuiError
from flowtui.tui.surroundings import has_no_screen
from flowtui.tui.tty_output import OutputCapture, TerminalOutput

_DRAIN_S = 1.0
#: Signals whose handlers Textual sets and leaves behind.
_TEXTUALS_SIGNALS = (signal.SIGTSTP, signal.SIGCONT, signal.SIGWINCH)


class Terminal:
    """While entered, the app has a duplicate of the terminal to itself.

    What anything else in the process writes to file descriptors 1 and 2 goes to `report`, line by line.

    Raises:
        FlowtuiError: on entering, if standard input and output are no terminal, or one that cannot show a screen.
    """

    def __init__(self, report: Callable[[str], None], forms: Mapping[int, str] | None = None) -> None:
        """`forms` says what is written for a character, as `str.translate` takes it."""
        self._report = report
        self._forms = forms

    def __enter__(self) -> Terminal:
        target = next((fd for fd in (1, 2) if os.isatty(fd)), None)
        if target is None or not os.isatty(0):
            raise FlowtuiError(
                "The screen needs a terminal on standard input and output: use `run --headless` without one."
            )
        if has_no_screen(os.environ):
            term = os.environ.get("TERM") or "(not set)"
            raise FlowtuiError(
                f"TERM={term} names no terminal that can show a screen: set it, as with `export TERM=xterm-256color`, "
                "or use `run --headless`."
            )
        _flush()
        self._handlers = {number: signal.getsignal(number) for number in _TEXTUALS_SIGNALS}
        self._fd = os.dup(target)
        self.output = TerminalOutput(self._fd, self._forms)
        self._capture = OutputCapture(self._report)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _flush()
        self._capture.restore()
        self.output.drain(_DRAIN_S)
        self.output.end()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def is_gone(self) -> bool:
        """Whether the terminal was closed: nobody reads there, nobody types."""
        if self.output.lost:
            return True
        poll = select.poll()
        poll.register(self._fd, 0)
        return any(events & (select.POLLHUP | select.POLLERR | select.POLLNVAL) for _, events in poll.poll(0))

    def say(self, text: str) -> None:
        """Print a line on the terminal, if it is still there; for before and after the app."""
        self.output.write(text + "\r\n")

    def driver_class(self) -> type[Driver]:
        """Return the driver with which Textual uses this terminal."""
        return type("BoundTerminalDriver", (TerminalDriver,), {"terminal": self})


class TerminalDriver(LinuxDriver):
    """Textual's driver on a duplicate of the terminal instead of on standard error."""

    terminal: ClassVar[Terminal]

    def __init__(self, app: App[Any], **options: Any) -> None:
        super().__init__(app, **options)
        self._file = cast(Any, self.terminal.output)

    def start_application_mode(self) -> None:
        self.terminal.output.keep_all(True)
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.terminal.output.keep_all(False)

    def stop_application_mode(self) -> None:
        self.terminal.output.keep_all(True)
        super().stop_application_mode()

    def close(self) -> None:
        super().close()
        self.terminal.output.drain(_DRAIN_S)

    def _get_terminal_size(self) -> tuple[int, int]:
        try:
            columns, lines = os.get_terminal_size(self.terminal.output.fileno())
        except OSError:
            return 80, 24
        return columns or 80, lines or 24

    def _run_input_thread(self) -> None:
        try:
            self.run_input_thread()
        except OSError:
            # The terminal is gone. The app notices that by itself and leaves; there is nothing to read any more.
            return
        except Exception as error:
            self._app.call_from_thread(self._app._handle_exception, error)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            continue
