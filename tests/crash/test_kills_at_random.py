"""SIGKILL of engine, children and server at random moments, under load.

The seed is printed; FLOWTUI_CRASH_SEED gives it again. FLOWTUI_CRASHES says how many kills there shall be: some by
default, 200 and more in long runs, as in `FLOWTUI_CRASHES=200 pytest -n0 tests/crash/test_kills_at_random.py`.
"""

from __future__ import annotations

import random

import pytest

from crash_chain import Chain, crashes, running_chain, seeded

BY_DEFAULT = 8
#: Kills of one chain: a child that dies again and again is started again later and later.
A_RUN = 12
#: Seconds that a kill may take, all in all, where others keep the machine busy.
_KILL_S = 10

WANTED = crashes(BY_DEFAULT)


def kill_something(chain: Chain, chance: random.Random) -> None:
    children = chain.children()
    victims = ["engine", "server", *(["child", "child"] if children else [])]
    match chance.choice(victims):
        case "engine":
            chain.kill_engine()
            chain.start()
        case "server":
            chain.kill_server()
        case _:
            chain.kill_child(chance.choice(children))


@pytest.mark.timeout(120 + WANTED * _KILL_S)
@pytest.mark.parametrize("pool", ["asyncio", "process"])
def test_kills_at_random_moments_lose_and_double_nothing(flowtui, tmp_path_factory, pool):
    chance = seeded()
    killed = 0
    while killed < WANTED / 2:
        with running_chain(flowtui, tmp_path_factory.mktemp("s"), pool) as chain:
            chain.start()
            chain.until_moved(1)
            while killed < WANTED / 2 and chain.kills.total() < A_RUN:
                chain.until_moved(chance.randrange(60))
                chain.until_redelivered()
                kill_something(chain, chance)
                killed += 1
            chain.kill_engine()
            chain.finish()
