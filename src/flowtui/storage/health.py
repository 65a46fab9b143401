"""Whether the store answers, as far as this process knows."""

from __future__ import annotations


class Health:
    """Told by everybody who talks to the store; may be read and written from any thread.

    Attributes:
        trouble: empty while the store answers, else one sentence.
    """

    def __init__(self) -> None:
        self.trouble = ""

    def failed(self, reason: str) -> None:
        self.trouble = reason

    def answered(self) -> None:
        if self.trouble:
            self.trouble = ""
