"""`Search`: one search for an item, as it goes on."""

from __future__ import annotations

import concurrent.futures
from collections import deque
from typing import TYPE_CHECKING

from flowtui.model.finding import Findings, FoundPage

if TYPE_CHECKING:
    from flowtui.client.door import EngineClient


class Search:
    """A search that has begun; `take` brings what was found since.

    Attributes:
        text: what is looked for.
        findings: what was found so far.
    """

    def __init__(self, client: EngineClient, text: str) -> None:
        self.text = text
        self.findings = Findings()
        self._pages: deque[FoundPage] = deque()  # filled on another thread
        self._future = client.find(text, self._pages.append)

    def take(self) -> None:
        """Take what was found meanwhile."""
        while self._pages:
            self.findings.add(self._pages.popleft())

    def cancel(self) -> None:
        """Look no further."""
        self._future.cancel()

    @property
    def is_running(self) -> bool:
        return bool(self._pages) or not self._future.done()

    @property
    def trouble(self) -> str:
        """Why it ended before it had looked at everything, one sentence; empty if it did not."""
        if self.is_running:
            return ""
        try:
            error = self._future.exception()
        except concurrent.futures.CancelledError:
            return "cancelled; enter in the line above searches again"
        return str(error) if error is not None else ""
