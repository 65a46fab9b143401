"""What a server tells of itself, and what doctor makes of it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from flowtui.cli.doctor import letter_checks
from flowtui.cli.doctor_server import server_checks
from flowtui.storage.opening import FORMAT
from flowtui.storage.server_report import ServerReport

WELL = ServerReport(
    address="redis://there:6379/0",
    latency_ms=0.3,
    name="Valkey",
    version=(8, 1, 0),
    mode="standalone",
    role="master",
    append_only=True,
    fsync="always",
    saves="",
    append_failed=False,
    save_failed=False,
    max_memory=0,
    eviction="noeviction",
    used_memory=1_000_000,
    folder="/data",
    keys=3,
    refusal="",
    format=str(FORMAT),
    engines=(),
)


def verdicts(report):
    return {check.what: check.verdict for check in server_checks(report, "flowtui") if check.verdict != "ok"}


def test_a_server_that_is_well_has_only_oks():
    assert verdicts(WELL) == {}


@pytest.mark.parametrize(
    ("changes", "what", "verdict"),
    [
        ({"latency_ms": 80.0}, "store", "warning"),
        ({"name": "Redis", "version": (4, 0, 14)}, "server", "error"),
        ({"name": "Redis", "version": (6, 2, 0)}, "server", "warning"),
        ({"mode": "sentinel", "role": "sentinel"}, "role", "error"),
        ({"mode": "cluster"}, "role", "warning"),
        ({"role": "slave"}, "role", "error"),
        ({"append_failed": True}, "writing", "error"),
        ({"save_failed": True, "saves": "60 1"}, "writing", "error"),
        ({"save_failed": True, "saves": None}, "writing", "error"),
        ({"fsync": "later"}, "persistence", "warning"),
        ({"max_memory": 1_050_000}, "memory", "warning"),
        ({"max_memory": 1_000_000}, "memory", "error"),
        ({"refusal": "ERR unknown command 'EVAL'"}, "scripts", "error"),
        ({"format": "1"}, "data", "error"),
    ],
)
def test_each_thing_that_is_wrong_is_told_alone(changes, what, verdict):
    assert verdicts(replace(WELL, **changes)) == {what: verdict}


def test_a_snapshot_that_failed_once_is_no_matter_where_none_is_made():
    assert verdicts(replace(WELL, save_failed=True)) == {}


def test_what_a_server_does_not_tell_is_unknown_and_never_an_error():
    silent = {each.name: None for each in fields(ServerReport) if each.name not in ("address", "latency_ms", "refusal")}
    found = verdicts(replace(WELL, **silent))
    assert set(found.values()) == {"unknown"}
    assert set(found) == {"server", "role", "persistence", "writing", "eviction", "memory", "data", "engines"}


def test_loops_that_near_their_most_dead_letters_are_named():
    found = list(letter_checks({"a.b": 79, "a.c": 80, "a.d": 100, "gone": 8_000}, {"a.b": 100, "a.c": 100, "a.d": 100}))
    assert [(check.verdict, check.found.split()[0]) for check in found] == [
        ("warning", "a.c"),
        ("error", "a.d"),
        ("warning", "gone"),
    ]
    assert [check.found for check in letter_checks({"a.b": 79}, {"a.b": 100})] == ["79 dead letters"]
