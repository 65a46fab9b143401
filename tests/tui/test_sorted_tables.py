"""Tables are sorted by any column, by value; rows stay where they are while figures change a little."""

from __future__ import annotations

import pytest
from fake_client import FakeClient, a_busy_afternoon, a_group, a_loop, a_snapshot
from running import Running, running

from flowtui.model.preferences import Preferences
from flowtui.tui.tables import column_titles
from flowtui.tui.widgets.columns import chosen_columns, titles_of
from flowtui.tui.widgets.live_table import Column
from flowtui.tui.widgets.panes import LoopsPane
from flowtui.tui.widgets.table_order import CalmOrder, Sorting, sort_by


def rates(**rates: float) -> FakeClient:
    return FakeClient(a_snapshot(*[a_loop(f"w.{id}", rate=rate, p95_ms=rate or None) for id, rate in rates.items()]))


def order(it: Running) -> str:
    """The loops on the screen, by the last letter of their names."""
    table = it.app.overview.loops
    return "".join(table.row(index, 90)[1].text.strip()[-1] for index in range(table.row_count()))


def head(it: Running) -> str:
    return it.line_with("ITEMS/S").split("││")[0]


async def test_the_sort_column_moves_through_all_columns_in_view_and_back_to_the_usual_order() -> None:
    async with running(rates(a=9, b=0, c=1000, d=70)) as it:
        signs = []
        for _ in range(8):
            await it.press(">")
            signs.append(next((word for word in head(it).split() if word[0] in "▲▼"), ""))
        assert signs == ["▲LOOP", "▲POOL", "▲STATE", "▼ITEMS/S", "▼LAST", "▼P95", "▼ERR", ""]
        assert order(it) == "abcd"
        await it.press("<", "<")
        assert "▼P95" in head(it)
        assert order(it) == "cdab"
        # What has no figure at all stands last in either direction.
        await it.press("I")
        assert "▲P95" in head(it)
        assert order(it) == "adcb"


async def test_a_click_on_a_head_sorts_by_that_column_and_another_one_turns_it_round() -> None:
    async with running(rates(a=9, b=0, c=1000, d=70)) as it:
        x = head(it).index("ITEMS/S") + 2
        await it.pilot.click("#loops", offset=(x, 1))
        assert ("▼ITEMS/S" in head(it), order(it)) == (True, "cdab")
        await it.pilot.click("#loops", offset=(x, 1))
        assert ("▲ITEMS/S" in head(it), order(it)) == (True, "badc")
        # The column of signs has nothing to sort by, and the cursor stays where it is.
        await it.pilot.click("#loops", offset=(2, 1))
        assert order(it) == "badc"
        assert it.app.overview.loops.chosen.id == "w.b"


async def test_the_sort_key_shows_the_nodes_of_the_loop_that_comes_first_then() -> None:
    async with running(rates(a=9, b=0, c=1000)) as it:
        await it.press(*">>>>")
        assert "Nodes of w.c" in it.text


async def test_a_sort_column_that_no_longer_fits_is_named_below_the_table() -> None:
    async with running(FakeClient(a_busy_afternoon())) as it:
        await it.press(*">>>>>")
        assert "▼LAST MINUTE" in it.text
        await it.resize(60, 24)
        assert "LAST MINUTE" not in head(it)
        assert "by LAST MINUTE ▼" in it.text


async def test_other_tables_are_sorted_by_value_too() -> None:
    groups = (a_group("w.a", "n", "E", "m", 9, 100.0), a_group("w.b", "n", "E", "m", 1204, 50.0))
    async with running(FakeClient(a_snapshot(dead_letters=groups, dead_total=1213))) as it:
        await it.press("tab", "tab", "tab", "z", "<")
        # The newest first, though the greatest age has the highest figure.
        assert "▲LAST" in it.text
        assert letters(it) == ["w.a", "w.b"]
        await it.press("I", "I", *"<<<<")
        assert "▼COUNT" in it.text
        assert letters(it) == ["w.b", "w.a"]


def letters(it: Running) -> list[str]:
    return [line.split()[3] for line in it.text.splitlines() if line.startswith("│ †")]


def by_figure(falls: bool = True) -> Sorting:
    return Sorting("FIGURE", lambda pair: pair[1], falls, calm=True)


def test_rows_stay_while_figures_waver_and_move_at_most_every_few_seconds() -> None:
    calm = CalmOrder()

    def at(now: float, **figures: float | None) -> str:
        return "".join(key for key, _ in calm.arrange([*figures.items()], lambda pair: pair[0], by_figure(), now))

    assert at(10, a=100, b=102, c=50) == "bac"
    assert at(12, a=900, b=102, c=50) == "bac"  # too soon
    assert at(13, a=105, b=102, c=50) == "bac"  # too little
    assert at(14, a=120, b=102, c=50) == "abc"
    assert at(15, a=None, b=102, c=50) == "abc"
    assert at(17, a=None, b=102, c=50) == "bca"
    # Who comes is put in its place at once, who goes leaves the others where they are.
    assert at(17.1, a=None, b=102, c=500, d=300) == "cdba"
    assert at(17.2, b=102, c=5, d=300) == "cdb"


def test_many_small_steps_do_not_add_up_to_a_wrong_order() -> None:
    calm = CalmOrder()
    calm.arrange([(n, 100) for n in range(9)], lambda pair: pair[0], by_figure(), 0)
    risen = [(n, 100 + 4 * n) for n in range(9)]
    assert calm.arrange(risen, lambda pair: pair[0], by_figure(), 10)[0] == (8, 132)


def test_rows_that_are_worth_the_same_stay_in_the_usual_order() -> None:
    pairs = [("a", 1), ("b", 2), ("c", 1), ("d", None), ("e", 2), ("f", None)]
    for falls, names in ((True, "beacdf"), (False, "acbedf")):
        assert "".join(name for name, _ in sort_by(pairs, by_figure(falls))) == names


def test_what_has_no_figure_but_a_rank_moves_at_once() -> None:
    calm, state = CalmOrder(), Sorting("STATE", lambda pair: pair[1])
    for now, rank, names in ((0, 3, "ab"), (0.25, 0, "ba")):
        pairs = [("a", 2), ("b", rank)]
        assert "".join(name for name, _ in calm.arrange(pairs, lambda pair: pair[0], state, now)) == names


def test_columns_without_a_title_stay_with_the_next_one_or_at_the_ends() -> None:
    columns = tuple(Column(title, 5) for title in ("", "A", "B", "", "C", ""))
    assert titles_of(columns) == ("A", "B", "C")
    assert chosen_columns(columns, ()) == (0, 1, 2, 3, 4, 5)
    assert chosen_columns(columns, ("C", "A")) == (0, 3, 4, 1, 5)


@pytest.mark.parametrize("columns", [40, 80, 200])
async def test_a_person_chooses_columns_and_their_order(columns: int) -> None:
    async with running(FakeClient(a_busy_afternoon()), columns, 30) as it:
        it.app.overview.loops.prefer(Preferences(columns={"loops": ("ERR", "LOOP", "IN FLIGHT")}))
        heads = it.line_with("IN FLIGHT").split("││")[0].strip("│ ").split()
        assert heads == ["ERR", "LOOP", "IN", "FLIGHT"]
        row = it.line_with("sync.poll  ").split("││")[0].strip("│ ").split()
        assert row == ["✖", "12", "sync.poll", "2"]


def test_every_table_says_which_columns_it_has() -> None:
    titles = column_titles()
    assert titles["loops"] == titles_of(LoopsPane.columns)
    assert {"loops", "nodes", "queues", "problems", "graph"} <= titles.keys()
    for names in titles.values():
        assert names
        assert len(set(names)) == len(names)
