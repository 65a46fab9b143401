"""Pins: outputs of nodes that a person has fixed for development, in a file beside the workflows.

Production never reads it.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flowtui.model.development import Stored
from flowtui.model.errors import FolderError

_VERSION = 1


@dataclass(frozen=True, slots=True)
class Pin:
    """The output that a node's dependants get in place of what it would make.

    Attributes:
        at: when it was pinned, in seconds since the epoch.
        port: by which it goes, empty for all.
        revision: of the workflow then.
        revisions: of the node and of all upstream of it then.
    """

    output: Stored
    at: float
    port: str = ""
    revision: str = ""
    revisions: Mapping[str, str] = field(default_factory=dict)


class PinFile:
    """The pins of a workflow folder."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / ".flowtui" / "pins.json"

    def read(self, loop: str) -> dict[str, Pin]:
        """Return the pins of a loop, by node.

        Raises:
            FolderError: if the file cannot be read.
        """
        return {node: _pin(told) for node, told in self._loops().get(loop, {}).items()}

    def write(self, loop: str, node: str, pin: Pin | None) -> None:
        """Pin the output of a node, or, with None, unpin it.

        Raises:
            FolderError: if the file cannot be read or written.
        """
        loops = self._loops()
        pins = loops.setdefault(loop, {})
        if pin is not None:
            pins[node] = {
                "output": pin.output.as_dict(),
                "at": pin.at,
                "port": pin.port,
                "revision": pin.revision,
                "revisions": dict(pin.revisions),
            }
        elif pins.pop(node, None) is None:
            return
        text = json.dumps({"version": _VERSION, "loops": {id: each for id, each in loops.items() if each}}, indent=1)
        try:
            self.path.parent.mkdir(exist_ok=True)
            _replace(self.path, text)
        except OSError as error:
            raise FolderError(f"the pins cannot be written to {self.path}: {error.strerror or error}") from None

    def _loops(self) -> dict[str, dict[str, Any]]:
        try:
            told = json.loads(self.path.read_bytes())
            if told["version"] != _VERSION:
                raise FolderError(f"{self.path} comes from another version of flowtui: remove it, and pin anew")
            loops: dict[str, dict[str, Any]] = told["loops"]
            for pins in loops.values():
                for each in pins.values():
                    _pin(each)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise FolderError(f"the pins in {self.path} cannot be read: {error.strerror or error}") from None
        except (ValueError, KeyError, TypeError, AttributeError):
            raise FolderError(f"{self.path} holds no pins any more: mend it, or remove it and pin anew") from None
        return loops


def _pin(told: Mapping[str, Any]) -> Pin:
    return Pin(Stored.from_dict(told["output"]), told["at"], told["port"], told["revision"], told["revisions"])


def _replace(path: Path, text: str) -> None:
    """Write a file such that nobody ever sees half of it."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".pins-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
