"""The line to the terminal: how often it is sent something, how much that is, and what to do if it is too much."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from flowtui.model.preferences import Preferences
from flowtui.model.snapshot import EngineSnapshot
from flowtui.tui.calming import CALM_REFRESH, Calm
from flowtui.tui.surroundings import is_remote
from flowtui.tui.traffic import Traffic
from flowtui.tui.widgets.bars import FooterBar

if TYPE_CHECKING:
    from textual.timer import Timer

    from flowtui.tui.tty_output import TerminalOutput

#: Below this width the figure is shown only if it was asked for: the footer's keys help more.
_ROOMY = 100
#: Seconds between two paintings of a log that follows, and of one over a slow line.
_LOG_S, _LOG_LOW_S = 0.2, 3.0
_HINT_S = 20.0
_HINT = "This line has a lot to carry: “low bandwidth” in the palette, or --lowbw, sends a tenth."


class _App(Protocol):
    def say(self, text: str, severity: Any = ..., timeout: float | None = ...) -> None: ...
    def set_interval(self, interval: float, callback: Callable[[], None]) -> Timer: ...


class Line:
    """Paces the screen.

    Attributes:
        is_low: whether as little as possible is sent.
    """

    def __init__(
        self, app: _App, preferences: Preferences, output: TerminalOutput | None, env: Mapping[str, str]
    ) -> None:
        """Without `output` nothing is sent that could be counted."""
        self._app = app
        self._refresh = preferences.refresh
        self.is_low = preferences.low_bandwidth
        self._calm = Calm()
        self._timer: Timer | None = None
        self._poll: Callable[[], None] = lambda: None
        self._traffic = Traffic(lambda: output.count, lambda: output.is_behind) if output is not None else None
        self._wanted: bool | None = None  # whether the figure is shown; None if nobody has said
        self._may_hint = is_remote(env)

    def begin(self, poll: Callable[[], None]) -> None:
        """Call `poll` from now on as often as the screen is to be brought up to date."""
        self._poll = poll
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._app.set_interval(1 / self.refresh, poll)

    @property
    def refresh(self) -> float:
        """Times a second that the screen is brought up to date."""
        return min(self._refresh, CALM_REFRESH) if self.is_low else self._refresh

    @property
    def log_every_s(self) -> float:
        """Seconds between two paintings of a log that follows."""
        return _LOG_LOW_S if self.is_low else _LOG_S

    def switch(self) -> None:
        """Send as little as possible from now on, or all again."""
        self.is_low = not self.is_low
        self._calm = Calm()
        self._may_hint = False
        self.begin(self._poll)

    def calmed(self, snapshot: EngineSnapshot) -> EngineSnapshot:
        """Return what is shown of a snapshot."""
        return self._calm.calmed(snapshot) if self.is_low else snapshot

    # The figure in the footer

    def toggle_figure(self, width: int) -> None:
        """Show the figure, or no longer, on a screen of this width."""
        self._wanted = not self._is_shown(width)

    def tell(self, footer: FooterBar, width: int) -> None:
        """Have a footer show the figure, if it is to be shown; say once if the line has too much to carry."""
        if self._traffic is None:
            return
        self._traffic.look()
        footer.tell(self._traffic.words if self._is_shown(width) else "")
        if self._may_hint and not self.is_low and self._traffic.is_too_much:
            self._may_hint = False
            self._app.say(_HINT, timeout=_HINT_S)

    def _is_shown(self, width: int) -> bool:
        return width >= _ROOMY if self._wanted is None else self._wanted
