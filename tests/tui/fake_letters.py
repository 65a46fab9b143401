"""A client with dead letters, for the tests of their screen."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from fake_client import NOW, FakeClient, a_branching_loop, a_failed_loop, a_snapshot

from flowtui.model.errors import LetterChanged, UnknownLetter
from flowtui.model.letters import DeadLetter, ReplayAnswer
from flowtui.model.snapshot import DeadLetterGroup

TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/home/ana/flows/nodes/orders.py", line 31, in execute\n'
    '    raise ValueError(f"order {id} has no lines")\n'
    "ValueError: order 7 has no lines"
)


def a_letter(number: int, **fields: Any) -> DeadLetter:
    """A letter of the node `check`, one a second; fields override."""
    usual: dict[str, Any] = {
        "id": f"item-{number}",
        "loop": "orders.incoming",
        "node": "check",
        "revision": "3f2a91c0",
        "payload": {"order": number, "lines": []},
        "trace": f"trace-{number}",
        "attempt": 1,
        "error": "ValueError",
        "message": f"order {number} has no lines",
        "traceback": TRACEBACK,
        "fingerprint": "f-check",
        "failed_at": NOW - 10_000 + number,
        "origin": "mail.inbox",
        "number": number,
    }
    return DeadLetter(**(usual | fields))


class FakeLetterClient(FakeClient):
    """Has letters, of which it makes the groups; what is replayed waits until `finish`."""

    def __init__(self, letters: Iterable[DeadLetter]) -> None:
        super().__init__(a_snapshot(a_branching_loop(), a_failed_loop()))
        self.pages: list[int | None] = []  # `before` of each page that was read
        self.replayed: list[tuple[list[int], bool]] = []
        self.hold(letters)

    def hold(self, letters: Iterable[DeadLetter]) -> None:
        """Have these letters, and these only."""
        self.letters = list(letters)
        self.regroup()

    def regroup(self, new: int = 0) -> None:
        """Take the groups of the snapshot from the letters; the first one has `new` new ones."""
        groups: dict[tuple[str, bool], list[DeadLetter]] = {}
        for letter in self.letters:
            groups.setdefault((letter.fingerprint, letter.of_production), []).append(letter)
        found = []
        for number, ((fingerprint, of_production), letters) in enumerate(groups.items()):
            last = max(letters, key=lambda letter: letter.number)
            times = [letter.failed_at for letter in letters]
            told = (last.loop, last.node, last.error, last.message, len(letters), max(times), min(times))
            found.append(DeadLetterGroup(*told, fingerprint, of_production, 0 if number else new))
        self.change(dead_letters=tuple(found), dead_total=len(self.letters))

    def dead_letters(self, *args: Any, **options: Any) -> Future[list[DeadLetter]]:
        if options.get("limit", 100) > 1:
            self.pages.append(options.get("before"))
        return super().dead_letters(*args, **options)

    def dead_letter(self, number: int, *, of_production: bool = False) -> Future[DeadLetter]:
        wanted = (number, of_production)
        found = next((letter for letter in self.letters if (letter.number, letter.of_production) == wanted), None)
        return (
            self._refused(UnknownLetter(f"there is no dead letter {number}")) if found is None else self._answer(found)
        )

    def edit_dead_letter(self, letter: DeadLetter, payload: dict[str, Any]) -> Future[DeadLetter]:
        now = next(each for each in self.letters if each.number == letter.number)
        if now.edits != letter.edits:
            return self._refused(LetterChanged(f"letter {letter.number} was edited by somebody else meanwhile"))
        edited = replace(letter, payload=payload, edits=letter.edits + 1)
        if self.refusal is None:
            self.put(edited)
        return self._answer(edited)

    def replay_all(
        self,
        loop: str = "",
        fingerprint: str = "",
        *,
        numbers: Collection[int] | None = None,
        from_start: bool = False,
    ) -> Future[ReplayAnswer]:
        chosen = [letter for letter in self.letters if _is_in(letter, loop, fingerprint, numbers)]
        if self.replay_answer != ReplayAnswer():
            return self._answer(self.replay_answer)
        if self.refusal is None:
            self.replayed.append(([letter.number for letter in chosen], from_start))
            for letter in chosen:
                self.put(replace(letter, replaying=True))
        return self._answer(ReplayAnswer(queued=len(chosen)))

    def finish(self, number: int, *, fails: bool = False, note: str = "") -> None:
        """End the replay of a letter: it goes, fails again, or could not be run for the reason that `note` tells."""
        (letter,) = (each for each in self.letters if each.number == number)
        if note:
            self.put(replace(letter, replaying=False, note=note))
            return
        self.letters.remove(letter)
        if fails:
            next_number = max((each.number for each in self.letters), default=number) + 1
            again = replace(letter, replaying=False, replays=letter.replays + 1, number=next_number)
            self.letters.append(again)
        self.regroup()

    def purge_dead_letters(
        self, loop: str = "", fingerprint: str = "", *, numbers: Collection[int] | None = None
    ) -> Future[int]:
        before = len(self.letters)
        if self.refusal is None:
            self.hold([each for each in self.letters if not _is_in(each, loop, fingerprint, numbers)])
        return self._answer(before - len(self.letters))

    def put(self, letter: DeadLetter) -> None:
        """Have this letter in place of the one with its number."""
        self.letters = [letter if each.number == letter.number else each for each in self.letters]

    def _refused(self, why: Exception) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(why)
        return future


def _is_in(letter: DeadLetter, loop: str, fingerprint: str, numbers: Collection[int] | None) -> bool:
    return (letter.loop, letter.fingerprint) == (loop, fingerprint) and (numbers is None or letter.number in numbers)
