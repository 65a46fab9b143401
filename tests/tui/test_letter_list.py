"""Letters of a group are read where one looks, and the list never has a gap for long."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_letters import a_letter

from flowtui.model.letters import DeadLetter
from flowtui.tui.letter_list import LetterList, Page, row_of


class Store:
    """Letters that come and go, and a list that reads them."""

    def __init__(self, *numbers: int) -> None:
        self.letters = {number: a_letter(number) for number in numbers}
        self.list = LetterList()
        self.reads: list[int | None] = []

    def page(self, page: Page, most: int = 3) -> list[DeadLetter]:
        self.reads.append(page.before)
        found = sorted((n for n in self.letters if page.before is None or n < page.before), reverse=True)
        return [self.letters[number] for number in found[:most]]

    def read(self, seen: slice = slice(0, 0), *, more: bool = False) -> list[int]:
        """Read all that the list wants, and return the numbers that it has then."""
        while (page := self.list.next_page(self.list.rows[seen], more=more)) is not None:
            self.list.take(page, self.page(page))
        return [row.number for row in self.list.rows]


def test_the_newest_are_read_first_and_older_ones_when_they_are_wanted() -> None:
    store = Store(*range(1, 9))
    assert store.read() == [8, 7, 6]
    page = store.list.next_page((), more=True)
    assert page == Page(6)
    assert store.list.take(page, store.page(page))
    assert [row.number for row in store.list.rows] == [8, 7, 6, 5, 4, 3]
    assert not store.list.is_complete
    assert store.read(more=True) == [8, 7, 6, 5, 4, 3, 2, 1]
    assert store.list.is_complete


def test_rows_in_view_are_read_again_and_only_these_and_what_is_new() -> None:
    store = Store(*range(1, 13))
    store.read(more=True)
    store.reads.clear()
    del store.letters[5], store.letters[2]
    store.letters[4] = replace(a_letter(4), note="no")
    store.letters[13] = a_letter(13)
    store.list.renew()
    numbers = store.read(slice(8, 9))
    assert numbers == [13, 12, 11, 10, 9, 8, 7, 6, 4, 3, 1]
    assert store.reads == [None, 6]
    assert store.list.rows[8].note == "no"


def test_a_gap_between_many_new_letters_and_the_old_ones_is_closed() -> None:
    store = Store(1, 2, 3, 4)
    store.read(more=True)
    for number in range(5, 13):
        store.letters[number] = a_letter(number)
    del store.letters[4]
    store.list.renew()
    store.reads.clear()
    assert store.read() == [12, 11, 10, 9, 8, 7, 6, 5, 3, 2, 1]
    assert store.reads == [None, 10, 7]


@pytest.mark.parametrize("left", [(), (2,), (9, 2)])
def test_what_is_gone_leaves_the_list(left) -> None:
    store = Store(*range(1, 9))
    store.read(more=True)
    store.letters = {number: a_letter(number) for number in left}
    store.list.renew()
    assert store.read(slice(0, 8)) == list(left)


def test_a_list_says_whether_it_has_changed() -> None:
    store = Store(1, 2)
    assert store.list.take(Page(None), [a_letter(2), a_letter(1)])
    assert store.list.take(Page(1), [])  # it is complete only now
    store.list.renew()
    assert not store.list.take(Page(None), [a_letter(2), a_letter(1)])
    assert store.list.take(Page(None), [a_letter(2), replace(a_letter(1), edits=1)])


def test_of_a_large_payload_a_row_keeps_its_size_and_how_it_begins() -> None:
    row = row_of(a_letter(1, payload={"text": "ü" * 5000, "broken": "\ud800"}))
    assert len(row.words) == 1000
    assert row.size > 10_000
