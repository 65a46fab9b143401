"""The engines on a store, as each makes itself known to the others: its name leads to a few words of JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from flowtui.model.snapshot import Instance
from flowtui.storage.records import unescape


def introduce(name: str, folder: Path) -> str:
    """Return what the others shall know of the engine of this name, made by `process_name`."""
    host, pid, _ = name.split(":", 2)
    return json.dumps(asdict(Instance(name, unescape(host), int(pid), str(folder), time.time())))


def oldest_first(introductions: Iterable[bytes]) -> tuple[Instance, ...]:
    """Read what `introduce` has made."""
    found = [Instance(**json.loads(each)) for each in introductions]
    return tuple(sorted(found, key=lambda instance: (instance.started_at, instance.id)))
