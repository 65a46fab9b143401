"""`dedupe`: of several items with the same key only the first goes on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from flowtui.model.data import NodeData
from flowtui.model.errors import NodeError
from flowtui.nodes.base import BlockingNode, NodeConfig
from flowtui.nodes.durations import Duration
from flowtui.nodes.expressions import is_template


class Dedupe(BlockingNode):
    """Hand an item on unless another one with the same key was here within `ttl`; drop it then.

    The key is remembered in the same step that ends the item, so what did not end, because of a crash or a stop, is not
    taken for a duplicate when it comes again. While an item is on its way its key is taken, on all instances. An item
    that fails keeps its key: its replay passes, a duplicate does not. Replicas, instances and restarts share the keys;
    each dedupe node has its own.
    """

    example = """
        first:
          type: dedupe
          needs: incoming
          config: {key: "{{ data.customer }}/{{ data.order }}", ttl: 1d}
        tell:
          type: log
          needs: first
    """

    class Config(NodeConfig):
        key: str = Field(
            min_length=1,
            description="What makes two items the same: a template, or the path of a field like order.id.",
        )
        ttl: Duration = Field(
            default=86_400.0, ge=0.001, description="How long a key is remembered, from its commit on."
        )

    def key_of(self, data: NodeData, raw: str) -> str:
        """Return the key of an item as a text; `raw` is the setting as it is written.

        Raises:
            NodeError: if the item has none.
        """
        if is_template(raw):
            key: Any = self.config.key
        else:
            key = data
            for name in raw.split("."):
                key = key.get(name) if isinstance(key, Mapping) else None
        if key is None or key == "":
            raise NodeError(
                f"the item has no key: {raw!r} is empty or not there; check `key`, or branch before with `if`"
            )
        return key if isinstance(key, str) else json.dumps(key, sort_keys=True, default=repr)

    async def execute(self, data: NodeData) -> NodeData | None:
        raise NodeError("a dedupe node works only inside an engine, which commits the keys")
