"""Answers a node's call with what the same node once made of an equal item."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretBytes, SecretStr
from pydantic_core import to_jsonable_python

from flowtui.engine.telemetry import NodeCounters
from flowtui.graph.plan import PlanNode
from flowtui.model.data import NodeData
from flowtui.model.errors import StoreError
from flowtui.nodes.base import NodeConfig
from flowtui.nodes.masking import masker

if TYPE_CHECKING:  # a process that runs single nodes has no use for a store
    from flowtui.storage.cache_store import CacheStore

#: Larger outputs are not worth what they cost the store.
MOST_BYTES = 256 * 1024
#: What a node made of an item, and the port it chose.
Output = tuple[NodeData | None, str | None]
_log = logging.getLogger("flowtui.cache")


class NodeCache:
    """The cache of one node in one track. It never fails an item: if in doubt, the node runs.

    Two calls are equal if the node's type and code, its rendered config and the item's payload are, with those of the
    branches that a join has merged. An output that went through JSON unchanged is kept, errors never are, nor is an
    output with a secret in it.
    """

    def __init__(self, store: CacheStore, plan: PlanNode, counters: NodeCounters) -> None:
        assert plan.cache is not None
        self._store = store
        self._ttl = plan.cache
        self._id = plan.id
        self._counters = counters
        self._code = [plan.type.name, plan.type.revision]
        self._said: set[str] = set()

    async def answer(self, data: NodeData, config: NodeConfig, run: Callable[[], Awaitable[Output]]) -> Output:
        """Return what is kept for an equal call, else what `run` makes, and keep that. Raises only what `run` does."""
        key = self._key(data, config)
        if key is None:
            return await run()
        found = await self._find(key, data)
        if found is not None:
            self._counters.hits += 1
            return found
        output, port = await run()
        value = self._value(data, output, port)
        if value is not None:
            await self._keep(key, value)
        return output, port

    def _key(self, data: NodeData, config: NodeConfig) -> str | None:
        try:
            item = _exact_json(_with_branches(data), sort_keys=True)
            settings = json.dumps(dict(config), sort_keys=True, default=_plain).encode()
        except Exception as error:  # an author's class may raise anything
            self._say_once("input", "an item or a config is no JSON: %s", error)
            return None
        parts = (json.dumps(self._code).encode(), settings, item)
        return hashlib.blake2b(b"\0".join(parts), digest_size=20).hexdigest()

    def _value(self, data: NodeData, output: NodeData | None, port: str | None) -> bytes | None:
        """Return `[port, payload, whether it still knows its branches]`, None if it cannot be kept."""
        try:
            has_branches = output is not None and output.by is data.by
            if output is not None and output.by and not has_branches:
                raise TypeError("it holds branches of its own")
            value = _exact_json([port, None if output is None else output.payload, has_branches])
        except Exception as error:
            self._say_once("output", "an output is no JSON: %s", error)
            return None
        if masker.is_needed and _holds_secret([output, port]):
            self._say_once("secret", "an output holds a secret")
            return None
        if len(value) > MOST_BYTES:
            self._say_once("size", "an output has %d bytes, more than %d", len(value), MOST_BYTES)
            return None
        return value

    async def _find(self, key: str, data: NodeData) -> Output | None:
        try:
            value = await self._store.get(key)
        except StoreError as error:
            self._say_once("store", "%s", error)
            return None
        self._said.discard("store")
        if value is None:
            return None
        try:
            port, payload, has_branches = json.loads(value)
            branches = data.by if has_branches else {}
            output = None if payload is None else NodeData(dict(payload), data.id, data.meta, branches)
        except (ValueError, TypeError):
            return None  # somebody else wrote there
        if port is not None and port in self._counters.ports:
            self._counters.ports[port] += 1
        return output, port

    async def _keep(self, key: str, value: bytes) -> None:
        try:
            await self._store.put(key, value, self._ttl)
        except StoreError as error:
            self._say_once("store", "%s", error)

    def _say_once(self, what: str, why: str, *args: Any) -> None:
        if what not in self._said:
            self._said.add(what)
            _log.warning(f"%s runs although it has a cache: {why}", self._id, *args)


def _exact_json(value: Any, *, sort_keys: bool = False) -> bytes:
    """Return JSON from which exactly this value is read again; with `sort_keys` the same for equal values.

    Raises:
        Exception: if there is none.
    """
    text = json.dumps(value, sort_keys=sort_keys, separators=(",", ":"), allow_nan=False)
    if json.loads(text) != value:
        raise TypeError("it would be read back as something else, as tuples and keys that are no text are")
    return text.encode()


def _holds_secret(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_secret, value)) or any(map(_holds_secret, value.values()))
    if isinstance(value, list):
        return any(map(_holds_secret, value))
    return masker.holds_secret(str(value))


def _with_branches(data: NodeData) -> list[Any]:
    return [data.payload, {id: _with_branches(branch) for id, branch in data.by.items()}]


def _plain(value: Any) -> Any:
    """Return a part of a config as JSON knows it; nothing that is secret leaves this process."""
    if isinstance(value, BaseModel):
        return dict(value)
    if isinstance(value, SecretStr | SecretBytes):
        secret = value.get_secret_value()
        return hashlib.blake2b(secret if isinstance(secret, bytes) else secret.encode(), digest_size=20).hexdigest()
    return to_jsonable_python(value)
