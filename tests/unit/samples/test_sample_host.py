"""`host-metrics` on the machine that runs the tests."""

from __future__ import annotations

import os
import time
from typing import Any

import pytest


async def test_the_figures_are_those_of_this_machine(make: Any, work: Any) -> None:
    node = make("host-metrics", top=2)
    result = await work(node, {"tick": 1})
    assert result["tick"] == 1
    assert all(0 <= result[figure] <= 100 for figure in ("cpu", "memory", "disk"))
    assert result["load"] >= 0
    assert len(result["top"]) == 2
    assert {*result["top"][0]} == {"pid", "name", "cpu", "memory"}


async def test_work_shows_as_cpu_and_in_the_list_of_processes(make: Any, work: Any) -> None:
    node = make("host-metrics", top=500)
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    result = await work(node, {})
    own = next(each for each in result["top"] if each["pid"] == os.getpid())
    assert result["cpu"] > 0
    assert own["cpu"] > 0
    figures = [each["cpu"] for each in result["top"]]
    assert figures == sorted(figures, reverse=True)


async def test_a_disk_that_does_not_exist_is_an_error(make: Any, work: Any) -> None:
    with pytest.raises(FileNotFoundError):
        await work(make("host-metrics", disk="/not/there"), {})
