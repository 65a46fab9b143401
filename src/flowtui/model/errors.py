"""Every error that flowtui raises on purpose, and `Problem`, what is wrong in a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """An error keeps its file from running; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one place of one file.

    Attributes:
        path: the file, as the user named its folder.
        line: from 1; 0 if the problem has no line.
        column: from 1; 0 if the problem has no column.
        message: what is wrong and what to do, no full stop; one line, since what cannot be printed is escaped.
        code: stable kebab-case name of the check.
    """

    path: Path
    line: int
    column: int
    message: str
    code: str
    severity: Severity = Severity.ERROR

    def __post_init__(self) -> None:
        # It may quote names from the file, and these may hold anything.
        object.__setattr__(self, "message", _printable(self.message))

    @property
    def place(self) -> str:
        """`orders.yaml:14:7`: the place without the folder."""
        return self.path.name + (f":{self.line}:{max(1, self.column)}" if self.line else "")

    def __str__(self) -> str:
        place = _printable(str(self.path))
        if self.line:
            place += f":{self.line}:{max(self.column, 1)}"
        return f"{place}: {self.message} [{self.code}]"


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def in_file_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Return the problems sorted as a person reads them, each once."""
    return tuple(sorted(set(problems), key=lambda p: (str(p.path), p.line, p.column, p.code, p.message)))


class FlowtuiError(Exception):
    """Base of all: its text is one sentence for the user that says what happened, where, and what to do."""


class FolderError(FlowtuiError):
    """The workflow folder cannot be used at all."""


class WorkflowError(FlowtuiError):
    """A workflow that a test wants to run has problems; the text holds them, one a line."""


class NotIdle(FlowtuiError):
    """A workflow in a test has not come to rest in time; the text says what still moves."""


class StateDirError(FlowtuiError):
    """The state directory cannot be used, or another engine holds it."""


class NoEngine(FlowtuiError):
    """No engine runs that could be asked."""


class NoAnswer(FlowtuiError):
    """An engine that was asked has not answered in time; the text says whether it has begun what it was asked."""


class AccessRefused(FlowtuiError):
    """Something was asked for that may not be done with this engine."""


class SecretError(FlowtuiError):
    """A secret is not set, or the file that holds secrets cannot be used."""


class IllegalTransition(FlowtuiError):
    """A loop was asked for something that its state does not allow; the text names what it does allow."""


class NotReplicable(FlowtuiError):
    """A loop was asked to have several replicas, and its producer may run only once."""


class UnknownLoop(FlowtuiError):
    """No loop has that id."""


class UnknownNode(FlowtuiError):
    """No node has that id."""


class MissingInputs(FlowtuiError):
    """A node cannot be run, since there is no input for it; the text names it, what is missing, and what to do."""


class FileChanged(FlowtuiError):
    """A file is not as the caller has read it, so that it stays as it is."""


class NotSaved(FlowtuiError):
    """A config was not written to its file, which is as it was."""


class NothingKept(FlowtuiError):
    """A file cannot be rolled back, since no other text of it is kept."""


class StoreError(FlowtuiError):
    """The store refused something or cannot be used."""


class StoreUnavailable(StoreError):
    """The store does not answer now; the caller may try again, with the same sequence number."""


class Fenced(StoreError):
    """This owner's lease has ended: what it holds now belongs to others, so it must drop it."""


class QueueFull(StoreError):
    """A commit was refused, and nothing of it done, since one of its queues has no room.

    Attributes:
        queue: its full name.
        group: the reading loop that has not taken its items; empty while nobody reads.
        room: how many items would fit.
    """

    def __init__(self, queue: str, group: str, room: int) -> None:
        who = f"{group} has not taken them" if group else "nobody reads it"
        super().__init__(f"{queue} is full: {who}")
        self.queue = queue
        self.group = group
        self.room = room


class UnknownNodeType(FlowtuiError):
    """No node type has that name."""


class NotTriggered(FlowtuiError):
    """Something was asked to run that is no trigger's loop, or not said clearly enough which."""


class BadInput(FlowtuiError):
    """The input of a run does not fit what its trigger takes.

    Attributes:
        faults: what is wrong, by the name of the input; what concerns none of them stands under an empty name.
    """

    def __init__(self, text: str, faults: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.faults = faults or {}


class UnknownRun(FlowtuiError):
    """Nothing is kept of such a run."""


class NotRepeatable(FlowtuiError, ValueError):
    """A run makes no test case, since not all of it was kept."""


class UnknownLetter(FlowtuiError):
    """There is no dead letter of that number any more."""


class UnknownItem(FlowtuiError):
    """An item of a queue is not where it was: it was handed out, moved or dropped meanwhile."""


class LetterChanged(FlowtuiError):
    """A dead letter is not as the caller has read it, or is being replayed, so that it stays as it is."""


class NodeError(FlowtuiError):
    """A node broke its contract (wrong return type, unknown port, payload that is no JSON)."""


class TimedOut(NodeError):
    """A node took longer than its `timeout`."""


class TemplateError(NodeError):
    """A `{{ }}` in a node's config did not parse or could not be rendered."""


class Cancelled(FlowtuiError):
    """An item was still being worked on when its loop's grace ended, and it has no queue to go back to."""


class HttpError(FlowtuiError):
    """A request to an HTTP server failed; the subclass says how, for `retry: {on: […]}`."""


class HttpRequestError(HttpError):
    """The request was not sent, as it may not be: its URL, a header or its host is not allowed."""


class HttpConnectError(HttpError):
    """The server could not be reached, or hung up before it had answered."""


class HttpTimeout(HttpError):
    """The server did not answer in time."""


class HttpBodyError(HttpError):
    """The answer is not what was asked for: too large, no JSON, or without what it should hold."""


class HttpStatusError(HttpError):
    """The server answered with a status that is not fine.

    Attributes:
        status: the status code.
        retry_after: seconds that the server asks to wait, None if it does not say.
    """

    def __init__(self, text: str, status: int, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.retry_after = retry_after
