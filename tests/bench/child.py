"""One system in a process of its own, so that no other's imports, threads and garbage weigh on it.

Conversation: the child says `{"items": n}` (in a round) or `{"skipped": why}`, then answers every line with
`{"us": x}`, the microseconds that an item took.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self, TextIO

from rounds import BenchFailed, items_for

#: Sends as many items through as asked, and returns the seconds.
Send = Callable[[int], float]
_END_S = 20.0
_PROBE_ITEMS = 2


class Child:
    """The parent's end. Leave it as a context manager; every method may raise `BenchFailed`."""

    def __init__(
        self, name: str, arguments: Sequence[str], env: Mapping[str, str], state: Path, patience: float
    ) -> None:
        """Start Python with `arguments`, which must come to `serve`.

        `state` is a new folder for it, `patience` how many seconds each answer may take.
        """
        self.name = name
        self._patience = patience
        state.mkdir()
        self._log = state / "stderr"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, **env},
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End it, and whatever it has started."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_END_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdout.close()

    def ready(self) -> float:
        """Wait until it can be asked; return how many items it will send in a round."""
        answer = self._answer()
        if "skipped" in answer:
            raise BenchFailed(answer["skipped"])
        return float(answer["items"])

    def round(self) -> float:
        """Return the microseconds that an item takes, over a round."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):  # then there is no answer either
            self._process.stdin.write(b"\n")
            self._process.stdin.flush()
        return float(self._answer()["us"])

    def _answer(self) -> dict[str, Any]:
        out = self._process.stdout
        assert out is not None
        if not select.select([out], [], [], self._patience)[0]:
            raise BenchFailed(f"{self.name} said nothing for {self._patience:.0f} s")
        if not (line := out.readline()):
            last = self._log.read_text(errors="replace").strip().splitlines()
            raise BenchFailed(f"{self.name} has ended: {last[-1] if last else 'without a word'}")
        return json.loads(line)


def serve(system: Callable[[], AbstractContextManager[Send]], seconds: float, first: int = 4) -> None:
    """The child's end: run the system, until standard input ends.

    `seconds` is what a round shall last; how many items fill one is found by sending `first` of them.
    """
    with _own_output() as out, contextlib.ExitStack() as stack:
        try:
            send = stack.enter_context(system())
            send(_PROBE_ITEMS)
            items = items_for(seconds, send, first)
        except ImportError as error:
            _say(out, skipped=f"not installed ({error})")
            return
        except Exception as error:
            _say(out, skipped=f"does not run: {type(error).__name__}: {' '.join(str(error).split())[:300]}")
            return
        # What was imported must not be looked through again and again on behalf of the items.
        gc.collect()
        gc.freeze()
        _say(out, items=items)
        for _ in sys.stdin:
            gc.collect()
            _say(out, us=send(items) / items * 1e6)


@contextlib.contextmanager
def _own_output() -> Iterator[TextIO]:
    """Yield standard output, and let whatever else is written there go to standard error."""
    with os.fdopen(os.dup(1), "w") as out:
        os.dup2(2, 1)
        yield out


def _say(out: TextIO, **words: object) -> None:
    print(json.dumps(words), file=out, flush=True)
