"""What a config costs per item, with templates and without, in ratios to Jinja's own native templates.

    python tests/bench/bench_templates.py [ROUNDS]

Compared in one run, in rounds that take turns: rendering one text for one item

- by *flowtui*: `ConfigTemplate.render`, from the item to the validated config with the value in it, sandboxed, with
  strict errors that name setting and variable, and limits;
- by *Jinja*: `NativeEnvironment.from_string(text).render(data=…)`, compiled once, which gives the value alone, without
  a sandbox; *sandboxed* is the same of a `SandboxedEnvironment`, which gives text alone;
- *validated* is `model_validate` of the finished value alone, which flowtui does as well.

A config without templates is an attribute of the node: there is nothing to render, and nothing to measure.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

from jinja2.nativetypes import NativeEnvironment
from jinja2.sandbox import SandboxedEnvironment

from flowtui.model.data import NodeData
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.templates import compile_config
from rounds import interleaved, items_for, median_of, verdict

#: Rendering may take at most this many times what Jinja's native templates take for the value alone.
TIMES = 1.0
TEXTS = {
    "a field": "{{ data.total }}",
    "an expression": "{{ data.total > 300 and data.name != '' }}",
    "a text": "https://host/orders/{{ data.id }}?name={{ data.name | upper }}",
    "a loop": "{% for line in data.lines %}{{ line.sku }};{% endfor %}",
}
DATA = NodeData({"id": "4711", "total": 312, "name": "Ada", "lines": [{"sku": "tea"}, {"sku": "cup"}]}, "item-1")


class Settings(NodeConfig):
    value: Any = None


def microseconds(call: Callable[[], object], seconds: float) -> Callable[[], float]:
    """Return what measures one round of calls, in microseconds per call."""

    def run(count: int) -> float:
        began = perf_counter()
        for _ in range(count):
            call()
        return perf_counter() - began

    count = items_for(seconds, run)
    return lambda: run(count) / count * 1e6


def calls(text: str) -> dict[str, Callable[[], object]]:
    """Return every way to work out a text for one item."""
    template, problems = compile_config(Settings, {"value": text})
    assert template is not None, problems
    native, sandboxed = NativeEnvironment().from_string(text), SandboxedEnvironment().from_string(text)
    plain = DATA.payload
    value = template.render(DATA, loop="l").value  # type: ignore[attr-defined]
    return {
        "flowtui": lambda: template.render(DATA, loop="l"),
        "Jinja": lambda: native.render(data=plain),
        "sandboxed": lambda: sandboxed.render(data=plain),
        "validated": lambda: Settings.model_validate({"value": value}),
    }


def measure(text: str, rounds: int, seconds: float = 0.05) -> dict[str, list[float]]:
    """Return microseconds per call, of every way and round."""
    return interleaved(rounds, {name: microseconds(call, seconds) for name, call in calls(text).items()})


def main() -> int:
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    print(f"medians of {rounds} rounds, microseconds a render")
    print(f"{'':<14} {'flowtui':>8} {'Jinja':>8} {'sandboxed':>10} {'validated':>10} {'ratio':>6}")
    good = True
    for name, text in TEXTS.items():
        found = measure(text, rounds)
        ratio = median_of(lambda ours, theirs: ours / theirs, found["flowtui"], found["Jinja"])
        ours, theirs, boxed, checked = (statistics.median(each) for each in found.values())
        print(f"{name:<14} {ours:>8.2f} {theirs:>8.2f} {boxed:>10.2f} {checked:>10.2f} {ratio:>6.2f}")
        good &= verdict(ratio <= TIMES, f"{name}: {ratio:.2f} times Jinja's native templates (at most {TIMES:g})")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
