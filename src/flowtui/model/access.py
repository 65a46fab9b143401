"""What a person may do with an engine: in which mode it is, and whether anything may be changed at all."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from flowtui.model.errors import AccessRefused

#: Why nothing can be changed.
_READ_ONLY = "flowtui was started with --read-only: leave it and start it without, to change anything"
#: Why a dead letter that development only reads stays as it is.
OF_PRODUCTION = "it is production's, which development only reads: replay it where production runs"


class Mode(StrEnum):
    """What a person is about to do: watch what runs, or work on nodes. A config is then saved without a question."""

    PRODUCTION = "production"
    DEVELOPMENT = "development"


@dataclass(frozen=True, slots=True)
class Access:
    """What may be done with an engine.

    Attributes:
        read_only: whether people may only look.
        fixed: why the mode cannot be switched, one sentence; empty if it can.
    """

    mode: Mode = Mode.PRODUCTION
    read_only: bool = False
    fixed: str = ""

    @property
    def why_not_edit(self) -> str:
        """Why nothing may be changed, one sentence; empty if it may."""
        return _READ_ONLY if self.read_only else ""

    def check(self) -> None:
        """Return if changes are allowed.

        Raises:
            AccessRefused: if they are not.
        """
        if self.read_only:
            raise AccessRefused(_READ_ONLY)

    def switched(self) -> Access:
        """Return it in the other mode.

        Raises:
            AccessRefused: if the mode cannot be switched.
        """
        if self.fixed or self.read_only:
            raise AccessRefused(self.fixed or _READ_ONLY)
        other = Mode.PRODUCTION if self.mode is Mode.DEVELOPMENT else Mode.DEVELOPMENT
        return replace(self, mode=other)


USUAL = Access()
#: Of an engine that `flowtui dev` has started.
DEVELOPING = Access(
    Mode.DEVELOPMENT,
    fixed="flowtui dev works beside production, never in its place: for production run `flowtui FOLDER`",
)
READ_ONLY = Access(read_only=True)
