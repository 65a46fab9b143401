"""Owners that stand still past their lease, as a suspended machine does, and then come back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import short_lease
from command_line import CommandLine
from crash_chain import Chain, running_chain
from fault_proxy import Call, Moment, Trap

LEASE_S = "2"

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def flowtui(flowtui) -> CommandLine:
    flowtui.program = [short_lease.__file__, LEASE_S]
    return flowtui


@contextmanager
def another_instance(chain: Chain, flowtui: CommandLine, *, stands_by: bool = False) -> Iterator[int]:
    """Let another instance share the work of the reading loop; yields its process once it does.

    If asked it stands by for the source, which only one instance may run.
    """
    home = flowtui.home / "other"
    home.mkdir()
    other = CommandLine(home, flowtui.warm)
    other.program = flowtui.program
    chain.write(other, autostart=stands_by)
    try:
        pid = other.headless("--store", chain.proxy.url).process.pid
        works = made_by(chain, pid, "commit")
        works.wait()
        works.release()
        yield pid
    finally:
        other.close()


def made_by(
    chain: Chain, pid: int, name: str, loop: str = "chain.middle", *, but: str = "", moment: Moment = Moment.BEFORE
) -> Trap:
    """Catch the next call of a process for a loop, not of the owner `but`."""

    def is_wanted(call: Call) -> bool:
        return call.pid == pid and call.subject != but

    return chain.proxy.catch(name, loop, where=is_wanted, moment=moment)


def stalls_past_its_lease(chain: Chain, pid: int) -> None:
    os.kill(pid, signal.SIGSTOP)
    chain.until_disowned(pid)
    chain.until_all_moved()


def comes_back(chain: Chain, pid: int, held: Trap) -> None:
    """Wake a process and let its commit go on; return when it has joined anew and does its share again."""
    lost = held.wait().subject
    joins, commits = made_by(chain, pid, "join", but=lost), made_by(chain, pid, "commit", but=lost)
    os.kill(pid, signal.SIGCONT)
    held.release()
    for trap in (joins, commits):
        trap.wait()
        trap.release()
    chain.until(lambda: any("the lease has ended" in message for message in chain.engine.messages), "it to say so")


def test_an_engine_that_stood_still_past_its_lease_drops_its_batch_and_goes_on(flowtui, short_path):
    with running_chain(flowtui, short_path, "asyncio") as chain:
        chain.start()
        pid = chain.engine.process.pid
        with another_instance(chain, flowtui):
            held = made_by(chain, pid, "commit")
            held.wait()
            stalls_past_its_lease(chain, pid)
            comes_back(chain, pid, held)
            chain.until_moved(20)
        chain.kill_engine()
        chain.finish()


def test_a_child_that_stood_still_past_its_lease_drops_its_batch_and_goes_on(flowtui, short_path):
    with running_chain(flowtui, short_path, "process") as chain:
        chain.start()
        held = chain.proxy.catch("commit", "chain.middle")
        pid = held.wait().pid
        os.kill(pid, signal.SIGSTOP)
        chain.until_disowned(pid)
        chain.until_moved(20)
        comes_back(chain, pid, held)
        chain.until_moved(20)
        chain.kill_engine()
        chain.finish()


@pytest.mark.parametrize("loop", ["chain.start", "chain.middle"])
def test_a_commit_in_doubt_when_its_owner_stood_still_past_its_lease_is_not_done_again(flowtui, short_path, loop):
    with running_chain(flowtui, short_path, "asyncio") as chain:
        chain.start()
        pid = chain.engine.process.pid
        with another_instance(chain, flowtui):
            held = made_by(chain, pid, "commit", loop, moment=Moment.AFTER)
            lost = held.wait().subject
            stalls_past_its_lease(chain, pid)
            commits = made_by(chain, pid, "commit", loop, but=lost)
            os.kill(pid, signal.SIGCONT)
            held.cut()
            commits.wait()
            commits.release()
            chain.until_moved(20)
        chain.kill_engine()
        chain.finish()


@pytest.mark.parametrize("moment", Moment)
def test_a_source_that_stood_still_past_its_lease_leaves_its_row_to_another_instance(flowtui, short_path, moment):
    with running_chain(flowtui, short_path, "asyncio") as chain:
        chain.start()
        chain.until_moved(5)  # else the other might be the first to run the source
        pid = chain.engine.process.pid
        with another_instance(chain, flowtui, stands_by=True) as other:
            held = made_by(chain, pid, "commit", "chain.start", moment=moment)
            held.wait()
            goes_on = made_by(chain, other, "commit", "chain.start")
            os.kill(pid, signal.SIGSTOP)
            goes_on.wait()
            goes_on.release()
            shares = made_by(chain, pid, "commit", but=held.wait().subject)
            os.kill(pid, signal.SIGCONT)
            held.release()
            shares.wait()
            shares.release()
            chain.until_moved(20)
        chain.kill_engine()
        chain.finish()
