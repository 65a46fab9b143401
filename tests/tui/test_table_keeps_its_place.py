"""Whatever is shown, sorted or filtered: cursor and marks stay on their items as long as these are there."""

from __future__ import annotations

from collections.abc import Sequence

import hypothesis.strategies as st
from fake_client import a_loop, a_snapshot
from hypothesis import given, settings

from flowtui.model.snapshot import LoopView
from flowtui.model.states import LoopState
from flowtui.tui.widgets.panes import LoopsPane
from long_runs import tries

IDS = [f"w.{name}" for name in ("ask", "big", "cut", "dig", "end", "fix")]

loops = st.builds(
    a_loop,
    st.sampled_from(IDS),
    state=st.sampled_from(LoopState),
    rate=st.sampled_from([0.0, 40.0, 41.0, 400.0]),
    errors=st.integers(0, 3),
    p95_ms=st.sampled_from([None, 1.0, 2.0]),
)
steps = st.one_of(
    st.tuples(st.just("show"), st.lists(loops, unique_by=lambda loop: loop.id)),
    st.tuples(st.just("filter"), st.sampled_from(["", "i", "w", "run", "nothing like it"])),
    st.tuples(st.just("sort"), st.sampled_from(["sort_next", "sort_previous", "sort_reverse"])),
    st.tuples(
        st.just("move"),
        st.sampled_from(["cursor_down", "cursor_up", "page_down", "first", "last", "mark", "mark_all"]),
    ),
)


def ids(items: Sequence[LoopView]) -> list[str]:
    return [loop.id for loop in items]


def shown(table: LoopsPane) -> list[str]:
    return [table.row(index, 80)[1].text.strip() for index in range(table.row_count())]


@settings(max_examples=tries(60))
@given(st.lists(steps, max_size=30))
def test_the_cursor_and_the_marks_stay_on_their_items(steps) -> None:
    table = LoopsPane("Loops")
    there = [a_loop(id) for id in IDS]
    table.show_snapshot(a_snapshot(*there))
    table.markable = True
    marked: set[str] = set()
    table.choose("w.cut")
    for kind, what in steps:
        before = table.chosen
        if kind == "move":
            rows = shown(table)
            if what == "mark" and before is not None:
                marked ^= {before.id}
            elif what == "mark_all":
                marked = marked - set(rows) if set(rows) <= marked else marked | set(rows)
            getattr(table, f"action_{what}")()
            assert shown(table) == rows
        elif kind == "show":
            there = what
            table.show_snapshot(a_snapshot(*there))
            marked &= set(ids(there))
        elif kind == "filter":
            table.set_filter(what)
        else:
            getattr(table, f"action_{what}")()
        visible = [loop.id for loop in there if table.lets_through(loop)]
        assert sorted(shown(table)) == sorted(visible)
        assert set(ids(table.marked)) == marked
        assert (table.chosen is None) == (not visible)
        if kind != "move" and before is not None and before.id in visible:
            assert table.chosen is not None
            assert table.chosen.id == before.id
        # What is chosen is what is there now, not what was there before.
        assert table.chosen is None or table.chosen in there
