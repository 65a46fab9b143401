"""SIGKILL of an engine amid all nodes that talk to others: nothing is lost, and what comes twice has the same id."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from command_line import CommandLine
from other_sides import TYPES, OtherSide, other_sides

FLOW = """
nodes:
  make: {type: sequence, config: {count: COUNT, resume: true}}
  put: {type: queue-writer, needs: make, config: {queue: work}}
  take: {type: queue-reader, config: {queue: work}}
  slow: {type: delay, needs: take, config: {seconds: 10ms}}
  act: {needs: slow, NODE}
"""
COUNT = 60
ENOUGH = 10


def test_each_item_arrives_under_one_id_though_the_engine_is_killed(flowtui: CommandLine, tmp_path: Path) -> None:
    with other_sides(tmp_path) as sides:
        opened = {type: sides.open(type) for type in TYPES}
        for type, side in opened.items():
            flowtui.write(f"{type}.yaml", FLOW.replace("COUNT", str(COUNT)).replace("NODE", side.node))
        child = flowtui.headless()
        held = set[OtherSide]()

        def are_amid_their_work() -> bool:
            for side in opened.values():
                if side not in held and len(side.got()) >= ENOUGH:
                    side.hold()
                    held.add(side)
            return all(side in held and side.is_asked() for side in opened.values())

        child.until(are_amid_their_work, "an item under way in each")
        child.process.kill()
        child.process.wait()
        for side in held:
            side.let_go()
        child = flowtui.headless("--until-idle")
        child.end()
        assert child.summary["dead_letters"] == 0
        for type, side in opened.items():
            times = Counter(side.got())
            assert sorted(n for _, n in times) == [*range(COUNT)], f"{type}: lost, or came again under another id"
            assert max(times.values()) <= 2, type
