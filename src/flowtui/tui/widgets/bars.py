"""The single lines: header, alert, footer."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from textual import events

from flowtui.model.access import USUAL, Mode
from flowtui.model.snapshot import EngineSnapshot
from flowtui.model.states import LoopState
from flowtui.tui import format as fmt
from flowtui.tui.actions.action import Action, Scope
from flowtui.tui.actions.keymap import keymap_of, shown_key
from flowtui.tui.actions.registry import footer_actions
from flowtui.tui.alerts import AlertLine
from flowtui.tui.cells import Line, Piece, Tone, fill, fit, safe, width_of, width_of_line, words, wrap
from flowtui.tui.widgets.painted import Painted
from flowtui.tui.wording import instance_words, loop_counts, store_words, tone_of

_GAP = 3
#: Below this width an alert needs the room more than the key that shows it.
_ROOMY_WIDTH = 60


class HeaderBar(Painted):
    """Which folder, which mode, which store, how many loops, for how long."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._snapshot: EngineSnapshot | None = None

    def show(self, snapshot: EngineSnapshot) -> None:
        """Show the header of this snapshot."""
        self._snapshot = snapshot
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        name = words("flowtui", Tone.ACCENT)
        if self._snapshot is None:
            return [(words(" "), name, words("  starting …", Tone.MUTED))]
        snapshot = self._snapshot
        folder = _short_folder(snapshot.folder)
        last_part = snapshot.folder.name
        store = _store(snapshot)
        shared = [*store, *_instances(snapshot)]
        mode = _mode(snapshot)
        loops = _loops(snapshot, loop_counts(snapshot.loops))
        short = _loops(snapshot, [(n, state) for n, state in loop_counts(snapshot.loops) if state is LoopState.FAILED])
        uptime = [words(fmt.uptime(snapshot.uptime_s), Tone.MUTED)]
        # What goes first when there is no room: the folder's parents, the mode if it is the usual one, the folder, the
        # uptime, the instances.
        unusual = [mode] if snapshot.access != USUAL else []
        for parts in (
            [[name, words("  " + folder)], mode, shared, loops, uptime],
            [[name, words("  " + last_part)], mode, shared, loops, uptime],
            [[name, words("  " + last_part)], *unusual, shared, loops, uptime],
            [[name], *unusual, shared, loops, uptime],
            [[name], *unusual, shared, loops],
            [[name], *unusual, store, loops],
            [*unusual, store, loops],
            *([[*unusual, store, short], [*unusual, short]] if unusual else []),
            [store, loops],
            [store, short],
        ):
            line = _spread(parts, width)
            if line is not None:
                return [line]
        return [fill((words(" "), *short, words("  "), *store), width)]


def _spread(parts: Sequence[Sequence[Piece]], width: int) -> Line | None:
    """Put parts on one line, the last one at the right edge; None if they do not fit."""
    taken = sum(width_of_line(part) for part in parts) + 2
    room = width - taken
    gaps = len(parts) - 1
    if room < gaps * 2:
        return None
    usual = min(_GAP, room // gaps)
    line: list[Piece] = [words(" ")]
    for index, part in enumerate(parts):
        if index:
            wide = usual if index < gaps else room - usual * (gaps - 1)
            line.append(Piece(" " * wide, Tone.TEXT, wide))
        line += part
    return tuple(line)


def _mode(snapshot: EngineSnapshot) -> list[Piece]:
    access = snapshot.access
    if access.mode is Mode.DEVELOPMENT:
        return [words(" DEVELOPMENT ", Tone.LOUD)]
    return [words("PRODUCTION", Tone.STRONG), *([words(" read-only", Tone.WARN)] if access.read_only else [])]


def _store(snapshot: EngineSnapshot) -> list[Piece]:
    text, tone = store_words(snapshot.store)
    if text.startswith("● "):
        return [words("●", Tone.GOOD), words(text[1:], tone)]
    if snapshot.store.durable:
        return [words(text, tone)]
    return [words(" ! EPHEMERAL ", Tone.LOUD), words(f" {text}", tone)]


def _instances(snapshot: EngineSnapshot) -> list[Piece]:
    text = instance_words(snapshot)
    return [words(f"  {text}", Tone.ACCENT)] if text else []


def _loops(snapshot: EngineSnapshot, counts: Sequence[tuple[int, LoopState]]) -> list[Piece]:
    if snapshot.loading:
        return [words("loading …", Tone.MUTED)]
    if not snapshot.loops:
        return [words("no loops", Tone.MUTED)]
    pieces = [words(fmt.plural(len(snapshot.loops), "loop") + (": " if counts else ""))]
    for index, (number, state) in enumerate(counts):
        pieces.append(words(("" if index == 0 else ", ") + f"{number} {state}", tone_of(state)))
    return pieces


def _short_folder(folder: Path) -> str:
    text, home = str(folder), os.path.expanduser("~")
    if home != "/" and (text == home or text.startswith(home + "/")):
        text = "~" + text[len(home) :]
    return text if len(text) <= 32 else "…" + text[-31:]


class AlertBar(Painted):
    """The worst that is wrong; while all is well, the last reload."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._alerts: Sequence[AlertLine] = ()
        self._news = ""

    def show(self, alerts: Sequence[AlertLine], news: str) -> None:
        """Show the first alert and how many more there are; the news only if there are none."""
        self._alerts = alerts
        self._news = news
        self.repaint()

    @property
    def has_alerts(self) -> bool:
        """Whether anything is wrong."""
        return bool(self._alerts)

    def draw(self, width: int, height: int) -> list[Line]:
        if not self._alerts:
            return [(words(f" {self._news}", Tone.MUTED),)]
        worst, more = self._alerts[0], len(self._alerts) - 1
        key = shown_key("trouble", keymap_of(self))
        if width < _ROOMY_WIDTH:
            tail = [words(f" +{more}" if more else "", Tone.STRONG), words(f" {key} " if key else " ", Tone.MUTED)]
        else:
            hint = f"  {key} shows it " if key else " "
            tail = [words(f"  +{more} more" if more else "", Tone.STRONG), words(hint, Tone.MUTED)]
        room = max(1, width - width_of_line(tail) - 1)
        return [(words(" "), Piece(fit(safe(f"{worst.glyph} {worst.text}"), room), worst.tone, room), *tail)]

    async def on_click(self, event: events.Click) -> None:
        event.stop()
        await self.run_action("screen.trouble")


class FooterBar(Painted):
    """The keys that are used most; the rest is behind `?`. At the right how much is sent to the terminal."""

    def __init__(self, *, id: str | None = None, scope: Scope = Scope.LOOPS) -> None:
        """`scope` is that of the screen whose keys these are."""
        super().__init__(id=id)
        self._scope = scope
        self._sent = ""

    def tell(self, sent: str) -> None:
        """Show how much is sent, nothing if empty."""
        if sent != self._sent:
            self._sent = sent
            self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        keymap = keymap_of(self)
        actions = footer_actions(self._scope, keymap)
        key = shown_key("traffic", keymap)
        figure = (words(self._sent, Tone.MUTED), words(f" {key} ", Tone.ACCENT)) if self._sent else ()
        room = width - width_of_line(figure)
        while actions and width_of_line(_keys(actions)) > room:
            # The help tells the rest, so it is the last to go, and the ways back and to the other screens.
            rest = [action for action in actions if action.id not in ("help", "leave", "screens")]
            actions.remove(rest[-1] if rest else actions[-1])
        return [(*fill(_keys(actions), room), *figure)]


def _keys(actions: Sequence[Action]) -> Line:
    line: list[Piece] = []
    for action in actions:
        line += [words(f" {action.shown}", Tone.ACCENT), words(f" {action.label} ", Tone.MUTED)]
    return tuple(line)


class NoticeBox(Painted):
    """One sentence in the middle of the screen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text = ""

    def show(self, text: str) -> None:
        """Show this sentence."""
        self._text = text
        self.repaint()

    def draw(self, width: int, height: int) -> list[Line]:
        lines = wrap(self._text, width)
        return [()] * ((height - len(lines)) // 2) + [_centred(line, width) for line in lines]


def _centred(text: str, width: int) -> Line:
    left = max(0, (width - width_of(text)) // 2)
    return (Piece(" " * left, Tone.TEXT, left), words(text, Tone.STRONG))
