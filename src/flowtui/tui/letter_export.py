"""Writes dead letters to a file, as JSON lines."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterable, Callable, Sequence
from pathlib import Path
from typing import TextIO

from flowtui.model.letters import DeadLetter
from flowtui.tui.files import new_file
from flowtui.tui.letter_list import Choice


def export_name(chosen: Sequence[Choice]) -> str:
    """Return where letters may be written."""
    first = chosen[0]
    if len(chosen) > 1:
        return "dead-letters.jsonl"
    if first.numbers is not None and len(first.numbers) == 1:
        return f"letter-{min(first.numbers)}.jsonl"
    return f"{first.group.loop}-{first.group.node}-letters.jsonl"


async def export(path: Path, pages: AsyncIterable[Sequence[DeadLetter]], told: Callable[[int], None]) -> int:
    """Write letters to a new file, and return how many; `told` hears after each page how many there are.

    The file is removed again if that fails or is cancelled.

    Raises:
        FlowtuiError: if the file is there already or cannot be written.
    """
    count = 0
    with new_file(path) as file:
        async for page in pages:
            await asyncio.to_thread(_write, file, page)
            count += len(page)
            told(count)
    return count


def _write(file: TextIO, letters: Sequence[DeadLetter]) -> None:
    file.writelines(json.dumps(letter.as_dict()) + "\n" for letter in letters)
