"""Dead letters in two tables: their groups, and the letters of one group."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from functools import lru_cache
from operator import attrgetter

from flowtui.model.errors import FlowtuiError
from flowtui.model.letters import DeadLetter
from flowtui.model.snapshot import DeadLetterGroup, EngineSnapshot
from flowtui.tui import format as fmt
from flowtui.tui.cells import Tone
from flowtui.tui.letter_list import KEPT_CHARS, LetterList, LetterRow, Page
from flowtui.tui.widgets.live_table import Cell, Column, LiveTable

#: How often letters in view are read again, should they have changed without being more or fewer, in seconds.
_RENEW_S = 2.0
#: How often the list is shown while a long one is read, in seconds.
_SHOW_S = 0.25

#: Reads the newest letters of a group with a number below the given one, None for the newest of all.
ReadPage = Callable[[DeadLetterGroup, int | None], Awaitable[Sequence[DeadLetter]]]


@lru_cache(2)
def _group_columns(*, with_production: bool) -> tuple[Column, ...]:
    return (
        Column("", 1),
        Column("COUNT", 5, "right", by=attrgetter("count"), news=attrgetter("count")),
        Column("NEW", 6, "right", drop=2, by=attrgetter("new")),
        Column("", 10 if with_production else 0, gap=2),
        Column("ERROR", 20, grows=True, gap=2, by=lambda group: f"{group.error}: {group.message}"),
        Column("LOOP", 40, measured=True, wanted=18, least=8, by=attrgetter("loop")),
        Column("NODE", 14, drop=3, by=attrgetter("node")),
        Column("FIRST", 6, "right", drop=1, by=lambda group: -group.first_at, steady=True),
        Column("LAST", 6, "right", by=lambda group: -group.last_at, steady=True),
    )


class GroupsPane(LiveTable[DeadLetterGroup]):
    """Dead letters in groups, the most first; those of production, which are only read, behind all others."""

    table = "groups"
    columns = _group_columns(with_production=False)

    def __init__(self, name: str, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self._now = 0.0
        self.markable = True
        self._said = ""
        self._doing = ""
        self._replayed: frozenset[str] = frozenset()

    def show_snapshot(self, snapshot: EngineSnapshot) -> None:
        """Show the groups of this snapshot."""
        self._now = snapshot.taken_at
        self.waits = snapshot.loading
        groups = snapshot.dead_letters
        self.columns = _group_columns(with_production=any(group.of_production for group in groups))
        self._said = _sum_words(groups)
        self.show(sorted(groups, key=_rank))
        if self._rows and not self._touched:
            self.choose(self._rows[0][0].key)  # another group may come to have the most

    def tell(self, doing: str, replayed: frozenset[str]) -> None:
        """Say in the title what is being done, and mark the groups of the loops whose letters are being replayed."""
        if (doing, replayed) != (self._doing, self._replayed):
            self._doing, self._replayed = doing, replayed
            self.repaint()

    def key(self, item: DeadLetterGroup) -> object:
        return item.key

    def measure(self, item: DeadLetterGroup) -> str:
        return item.loop

    def searched(self, item: DeadLetterGroup) -> str:
        whose = "production" if item.of_production else ""
        return f"{item.loop} {item.node} {item.error} {item.message} {item.fingerprint} {whose}"

    def cells(self, item: DeadLetterGroup) -> Sequence[Cell]:
        return (
            self._sign(item),
            (fmt.count(item.count), Tone.STRONG),
            (f"+{fmt.count(item.new)}" if item.new else "", Tone.BAD),
            ("production" if item.of_production else "", Tone.MUTED),
            (f"{item.error}: {item.message}", Tone.MUTED if item.of_production else Tone.TEXT),
            (item.loop, Tone.TEXT),
            (item.node, Tone.MUTED),
            (fmt.age(self._now - item.first_at), Tone.MUTED),
            (fmt.age(self._now - item.last_at), Tone.TEXT),
        )

    def _sign(self, item: DeadLetterGroup) -> Cell:
        if item.of_production:
            return "‡", Tone.MUTED
        return ("↻", Tone.ACCENT) if item.loop in self._replayed else ("†", Tone.WARN)

    def title_words(self) -> str:
        said = " · ".join(filter(None, (self._doing, self._said)))
        return f"{said} /{self.filter_text}".strip() if self.filter_text else said

    def empty_words(self) -> str:
        return super().empty_words() or "No dead letters. Failed items will wait here, to be looked at and replayed."


def _rank(group: DeadLetterGroup) -> tuple[object, ...]:
    return group.of_production, -group.count, group.loop, group.node, group.error, group.fingerprint


def _sum_words(groups: Sequence[DeadLetterGroup]) -> str:
    """Return how many letters there are, in how many groups, and how many are new."""
    if not groups:
        return ""
    said = [f"{sum(group.count for group in groups):,} in {fmt.plural(len(groups), 'group')}"]
    if new := sum(group.new for group in groups):
        said.append(f"{new:,} new in the last minute")
    if production := sum(group.count for group in groups if group.of_production):
        said.append(f"{production:,} of production (‡), only to be read")
    return ", ".join(said)


class LettersPane(LiveTable[LetterRow]):
    """The letters of one group, the newest first, read as one scrolls.

    Attributes:
        group: whose letters these are.
        when_shown: called when rows are other ones, or the cursor is on another one.
    """

    table = "letters"
    columns = (
        Column("", 1),
        Column("NUMBER", 7, "right", by=attrgetter("number"), steady=True),
        Column("AGE", 6, "right", by=lambda letter: -letter.failed_at, steady=True),
        Column("TRIES", 5, "right", drop=2, by=attrgetter("attempt")),
        Column("SIZE", 7, "right", drop=1, by=attrgetter("size")),
        Column("ITEM", 12, drop=3, gap=2, by=attrgetter("id")),
        Column("PAYLOAD", 20, grows=True, gap=2, by=attrgetter("words")),
    )

    def __init__(self, name: str, read: ReadPage, *, id: str | None = None) -> None:
        super().__init__(name, id=id)
        self.markable = True
        self.group: DeadLetterGroup | None = None
        self.when_shown: Callable[[], None] = lambda: None
        self._read_page = read
        self._letters = LetterList()
        self._now = 0.0
        self._renewed_at = 0.0
        self._shown_at = 0.0
        self._reads = False
        self._goal: int | None = None  # down to which number is to be read; its row is then chosen
        self._trouble = ""

    # Content

    def show_group(self, group: DeadLetterGroup | None, now: float) -> None:
        """Show the letters of this group as it is `now`, in seconds since the epoch."""
        before, self.group, self._now = self.group, group, now
        if group is None or before is None or group.key != before.key:
            self._letters = LetterList()
            self._trouble, self._goal = "", None
            self.filter_text = ""
            self.clear_marks()
            self.waits = group is not None
            self.to_top()
            self.show(())
            self.when_shown()
        else:
            has_news = (group.count, group.last_at) != (before.count, before.last_at)
            if has_news or time.monotonic() - self._renewed_at >= _RENEW_S:
                self.renew()
        self.repaint()
        self._look()

    def renew(self) -> None:
        """Read again what is in view, since it may have changed."""
        self._renewed_at = time.monotonic()
        self._letters.renew()
        self._look()

    def seek(self, number: int) -> None:
        """Choose the letter with this number, once the list was read that far."""
        self.set_filter("")
        self._goal = number
        self.renew()

    def _look(self) -> None:
        """Begin to read what is missing, unless it is being read."""
        if self._is_seen and not self._reads and self._next_page() is not None:
            self._reads = True
            self.run_worker(self._read_on())

    @property
    def _is_seen(self) -> bool:
        # To the end of a sorted list it is a long way; below another screen it is not gone on with.
        return self.group is not None and self.is_shown and self.screen.is_active

    def _next_page(self) -> Page | None:
        bottom = self.top + self.page
        seen = [item for item, _ in self._rows[self.top : bottom]]
        # Which row is the greatest can only be told of all.
        needs_all = self._goal is not None or self._sorting is not None
        more = needs_all or len(self._rows) < bottom + self.page
        return self._letters.next_page(seen, more=more)

    async def _read_on(self) -> None:
        try:
            while self.group is not None and self._is_seen:
                page = self._next_page()
                if page is None:
                    self._show_rows()
                    if self._next_page() is None:  # fewer rows may match the filter than were expected
                        return
                elif not await self._read(self.group, page):
                    return
        finally:
            self._reads = False

    async def _read(self, group: DeadLetterGroup, page: Page) -> bool:
        letters = self._letters
        try:
            found = await self._read_page(group, page.before)
        except FlowtuiError as error:
            self._trouble = str(error)
            self.repaint()
            return False
        self._trouble = ""
        if letters is self._letters and letters.take(page, found):
            hurries = self._goal is not None or self._sorting is not None or bool(self.filter_text)
            if not hurries or time.monotonic() - self._shown_at >= _SHOW_S:
                self._show_rows()
        return True

    def _show_rows(self) -> None:
        self._shown_at = time.monotonic()
        self.waits = False
        first = self._rows[self.top][0].number if 0 < self.top < len(self._rows) else None
        self.show(tuple(self._letters.rows))
        if first is not None:
            # What is new comes above; what one reads stays where it is.
            self.top = next((i for i, (item, _) in enumerate(self._rows) if item.number == first), self.top)
            self.keep_in_view()
        if self._rows and not self._touched and self._goal is None:
            self.choose(self._rows[0][0].number)
        self._reach()
        self.repaint()
        self.when_shown()

    def _reach(self) -> None:
        """Choose what was sought, if the list was read that far."""
        letters, goal = self._letters, self._goal
        if goal is None or not letters.is_new:
            return
        if letters.is_complete or (letters.rows and letters.rows[-1].number <= goal):
            if goal:
                self.choose(goal)
            else:
                self.move_to(len(self._rows) - 1)
            self._goal = None

    # Keys

    def move_to(self, index: int) -> None:
        self._goal = None
        super().move_to(index)
        self._look()

    def action_last(self) -> None:
        super().action_last()
        if not self._letters.is_complete:
            self._goal = 0
            self._look()

    def apply_filter(self) -> None:
        super().apply_filter()
        self._look()

    def on_resize(self) -> None:
        super().on_resize()
        self._look()

    # Rows

    def key(self, item: LetterRow) -> object:
        return item.number

    def searched(self, item: LetterRow) -> str:
        return f"{item.number} {item.id} {item.message} {item.words}"

    def cells(self, item: LetterRow) -> Sequence[Cell]:
        return (
            _sign(item),
            (str(item.number), Tone.TEXT),
            (fmt.age(self._now - item.failed_at), Tone.TEXT),
            (fmt.count(item.attempt), Tone.TEXT if item.attempt > 1 else Tone.MUTED),
            (fmt.size(item.size), Tone.MUTED),
            (item.id, Tone.MUTED),
            (item.words, Tone.TEXT),
        )

    def title_words(self) -> str:
        if self.group is None:
            return ""
        said = f"of {self.group.loop}, {self.group.node}"
        said += ", production" if self.group.of_production else ""
        return f"{said} /{self.filter_text}" if self.filter_text else said

    def corner_words(self) -> str:
        return f"✖ {self._trouble}" if self._trouble and self._all else super().corner_words()

    def place_words(self) -> str:
        if self.group is None or not self._all:
            return ""
        read, count = len(self._all), self.group.count
        if self._goal is not None or (self._sorting is not None and not self._letters.is_complete):
            return f"reading {read:,} of {max(read, count):,} …"
        if self.filter_text:
            return f"{len(self._rows):,} of {read:,}" + ("" if self._letters.is_complete else " …")
        last = min(read, self.top + self.page)
        return f"{self.top + 1:,}–{last:,} of {max(last, count):,}" if max(last, count) > self.page else ""

    def empty_words(self) -> str:
        if self.group is None:
            return "Choose a group to see its letters."
        if self._trouble:
            return f"✖ {self._trouble}"
        if self.filter_text and not self.waits:
            return f"{super().empty_words()} Of each payload the first {KEPT_CHARS:,} characters are searched."
        return super().empty_words() or "These letters are gone: replayed, or removed."


def _sign(item: LetterRow) -> Cell:
    if item.replaying:
        return "↻", Tone.ACCENT
    if item.note:
        return "!", Tone.WARN
    return ("~", Tone.WARN) if item.edits else ("†", Tone.MUTED)
