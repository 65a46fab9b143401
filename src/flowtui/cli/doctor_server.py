"""What the report of a store's server means for the promises that flowtui gives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from flowtui.cli.checks import Check, error, ok, size, unknown, warning
from flowtui.storage.opening import FORMAT, key_space
from flowtui.storage.server_report import ServerReport

#: The first Redis whose scripts may look at the clock before they write, and the oldest that the tests run on.
_OLDEST = (5,)
_OLDEST_TESTED = (7,)
_SLOW_MS = 20.0
_NEARLY_FULL = 0.9


def server_checks(report: ServerReport, namespace: str) -> Iterator[Check]:
    """Yield one check for each thing that a server tells."""
    yield _latency(report)
    yield _version(report)
    yield _role(report)
    yield _scripts(report, namespace)
    yield _persistence(report)
    yield from _writing(report)
    yield _eviction(report)
    yield _memory(report)
    yield _data(report)
    yield _engines(report)


def _latency(report: ServerReport) -> Check:
    told = f"{report.address} answers in {report.latency_ms:.2f} ms"
    if report.latency_ms > _SLOW_MS:
        return warning("store", told, "put the server nearer: each commit waits that long at least")
    return ok("store", told)


def _version(report: ServerReport) -> Check:
    if report.version is None or report.name is None:
        return unknown("server", "make sure that it is Redis 7 or later, or Valkey")
    told = f"{report.name} {'.'.join(map(str, report.version))}"
    if report.version < _OLDEST:
        return error("server", f"{told} can't run our scripts", "use Redis 7 or later, or Valkey")
    if report.version < _OLDEST_TESTED:
        return warning(
            "server", f"{told} is older than any that flowtui is tested on", "use Redis 7 or later, or Valkey"
        )
    return ok("server", told)


def _role(report: ServerReport) -> Check:
    if report.mode == "sentinel":
        return error("role", "this is a sentinel, which keeps no data", "name the address of the server itself")
    if report.role is None:
        return unknown("role")
    if report.role != "master":
        return error("role", "a replica, which takes no writes", "name the address of the server that it follows")
    if report.mode == "cluster":
        advice = "flowtui does not follow a namespace that moves to another node: better use a server of its own"
        return warning("role", "a node of a cluster", advice)
    return ok("role", "takes writes")


def _scripts(report: ServerReport, namespace: str) -> Check:
    if not report.refusal:
        return ok("scripts", "the server runs those of flowtui")
    advice = "make it a server of its own, on which nothing else runs"
    if re.search(r"permissions?\b|user executing the script", report.refusal):
        keys = key_space(namespace)
        advice = f"ACL SETUSER <user> '~{keys}:*' '~{keys}' '&{keys}:*' +@all -@dangerous +info"
    return error("scripts", f"the server does not run those of flowtui: {report.refusal}", advice)


def _persistence(report: ServerReport) -> Check:
    if report.append_only is None:
        return unknown("persistence", "see in the server's settings that appendonly is yes, or it may forget items")
    if not report.append_only:
        if report.saves is None:
            lost = "what came since its last snapshot is lost"
        else:
            lost = "all since its last snapshot is lost" if report.saves else "all is lost"
        advice = "CONFIG SET appendonly yes, and the same in its configuration file"
        return error("persistence", f"appendonly is no: {lost} when the server ends", advice)
    told = f"appendonly yes, appendfsync {report.fsync}"
    match report.fsync:
        case "always":
            return ok("persistence", f"{told}: nothing acknowledged is lost, even in a power cut")
        case "everysec":
            lost = "a kill or a power cut of the server can take the last second or two"
        case "no":
            lost = "a power cut can take all that the system has not written yet, often half a minute"
        case None:
            return unknown(
                "persistence",
                "see in the server's settings that appendfsync is always",
                "appendonly yes; the server does not tell appendfsync",
            )
        case _:
            lost = "what that means is not known here"
    return warning("persistence", f"{told}: {lost}", "CONFIG SET appendfsync always, unless you can bear that")


def _writing(report: ServerReport) -> Iterator[Check]:
    advice = "look into the server's log; often its disk is full"
    if report.append_failed:
        yield error(
            "writing", "the server could not write its append-only file, and takes no more until it can", advice
        )
    elif report.save_failed and report.saves != "":
        yield error(
            "writing", "the server's last snapshot failed, and by default it takes no more until one succeeds", advice
        )
    elif report.append_failed is None and report.save_failed is None:
        yield unknown("writing")
    else:
        yield ok("writing", "the server's last write to its disk succeeded")


def _eviction(report: ServerReport) -> Check:
    if report.eviction is None:
        return unknown(
            "eviction", "see in the server's settings that maxmemory-policy is noeviction, or it may drop queues"
        )
    if report.eviction == "noeviction":
        return ok("eviction", "noeviction: when the memory is full, loops wait")
    advice = "CONFIG SET maxmemory-policy noeviction, and the same in its configuration file"
    if report.max_memory == 0:
        return warning("eviction", f"{report.eviction}: without effect, but only while maxmemory is 0", advice)
    return error(
        "eviction", f"{report.eviction}: when the memory is full, the server drops data, queues among them", advice
    )


def _memory(report: ServerReport) -> Check:
    if report.used_memory is None or report.max_memory is None:
        return unknown("memory")
    if not report.max_memory:
        return ok("memory", f"{size(report.used_memory)} used, maxmemory is not set")
    share = report.used_memory / report.max_memory
    told = f"{size(report.used_memory)} of {size(report.max_memory)} used, {share:.0%}"
    advice = "raise maxmemory, or purge what nobody needs: flowtui queues, flowtui dead list"
    if share >= 1:
        return error("memory", f"{told}: nothing more can be stored", advice)
    return warning("memory", told, advice) if share >= _NEARLY_FULL else ok("memory", told)


def _data(report: ServerReport) -> Check:
    if report.format is None:
        return unknown("data")
    if report.format not in ("", str(FORMAT)):
        told = f"data of format {report.format}, and this flowtui reads format {FORMAT}"
        return error("data", told, "use the flowtui that wrote them, or another --namespace")
    told = f"format {report.format}" if report.format else "flowtui has stored nothing here yet"
    return ok("data", told if report.keys is None else f"{told}; {report.keys:,} keys in this database")


def _engines(report: ServerReport) -> Check:
    if report.engines is None:
        return unknown("engines")
    return ok("engines", ", ".join(f"{each} on {each.folder}" for each in report.engines) or "none runs")
