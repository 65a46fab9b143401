"""What passes through a running engine can be looked at: samples of each node, and one node tapped, in every pool."""

from __future__ import annotations

import pytest

from flowtui.client.door import EngineClient
from flowtui.model.development import TapBatch
from flowtui.model.errors import UnknownLoop, UnknownNode
from flowtui.model.states import LoopState


@pytest.mark.parametrize("pool", ["asyncio", "thread", "process"])
def test_every_node_has_samples_and_one_can_be_tapped(write, start, pool) -> None:
    write(
        "w.yaml",
        f"""
        nodes:
          count: {{type: count, config: {{every: 0.002}}, loop: {{pool: {pool}}}}}
          fail: {{type: fail-on, needs: count, config: {{n: 50}}}}
          parity: {{type: parity, needs: fail}}
          even: {{type: plain, needs: parity.even}}
        """,
    )
    running = start()
    client = EngineClient(running.engine)
    running.until(lambda: client.samples("w.count", "even").result(), "for a sample")
    sample = client.samples("w.count", "even").result()[0]
    assert sample.input == sample.output
    assert sample.input is not None
    assert sample.input.payload == {"n": sample.input.payload["n"], "passed": True, "parity": 0}
    assert set(sample.revisions) == {"count", "fail", "parity", "even"}
    assert client.samples("w.count", "count").result()[0].input is None

    client.tap("w.count", "even").result()
    running.until(lambda: client.tapped(0).taken >= 3, "for tapped items")
    batch = client.tapped(0)
    assert {sample.node for sample in batch.samples} == {"even"}
    assert len({sample.item for sample in batch.samples}) == batch.taken <= batch.passed
    client.untap().result()
    assert client.tapped(0) == TapBatch()


def test_samples_outlive_the_engine_and_only_what_there_is_can_be_tapped(write, start) -> None:
    write("w.yaml", "nodes:\n  count: {type: count, config: {count: 3}}\n  plain: {type: plain, needs: count}\n")
    running = start(store="local")
    running.until_state("w.count", LoopState.COMPLETED)
    running.engine.close()
    write("w.yaml", "nodes:\n  count: {type: count, loop: {autostart: false}}\n  plain: {type: plain, needs: count}\n")
    client = EngineClient(start(store="local").engine)
    (sample,) = client.samples("w.count", "plain").result()
    assert sample.input is not None
    assert sample.input.payload == {"n": 0}
    with pytest.raises(UnknownLoop):
        client.tap("w.nothing", "plain").result()
    with pytest.raises(UnknownNode):
        client.tap("w.count", "nothing").result()
