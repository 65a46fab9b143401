"""Names of owners, and whose process still lives."""

from __future__ import annotations

import os
import subprocess
import sys

from flowtui.storage.lease import lives, owner_name

NAME_OF_CHILD = "from flowtui.storage.lease import owner_name; print(owner_name('w.p', 0), flush=True); input()"


def test_each_name_is_new_and_says_host_process_loop_and_track():
    first, second = owner_name("w:x.p", 3), owner_name("w:x.p", 3)
    assert first != second
    parts = first.split(":")
    assert len(parts) == 6
    assert parts[1] == str(os.getpid())
    assert parts[4:] == ["w%3Ax.p", "3"]


def test_an_owner_lives_as_long_as_its_process():
    child = subprocess.Popen([sys.executable, "-c", NAME_OF_CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with child:
        name = child.stdout.readline().decode().strip()
        assert lives(name, private=False)
        child.kill()
        # Not waited for yet: a zombie is as dead as it gets.
        while lives(name, private=False):
            pass
    assert not lives(name, private=True)


def test_a_process_that_got_the_number_of_another_is_not_that_one():
    host, pid, started_ms, rest = owner_name("w.p", 0).split(":", 3)
    assert not lives(f"{host}:{pid}:{int(started_ms) - 60_000}:{rest}", private=False)


def test_owners_of_other_machines_are_judged_only_on_a_private_store():
    _, _, started_ms, rest = owner_name("w.p", 0).split(":", 3)
    elsewhere = f"other-host:99999999:{started_ms}:{rest}"
    assert lives(elsewhere, private=False)
    assert not lives(elsewhere, private=True)


def test_a_name_of_another_form_is_left_alone():
    assert lives("someone", private=True)
