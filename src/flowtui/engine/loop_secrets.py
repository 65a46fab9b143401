"""The secrets of one loop, looked up at each of its starts."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from flowtui.engine.logs import Attribution, attributed_to
from flowtui.graph.plan import ExecutionPlan
from flowtui.model.errors import SecretError
from flowtui.nodes.masking import SHORTEST
from flowtui.nodes.secrets import NO_VALUES, FindSecrets, is_masked

_log = logging.getLogger("flowtui.secrets")


class LoopSecrets:
    """What a track knows of secrets.

    Attributes:
        find: looks up any secret, also such as only a dead letter names; may wait for a file or a keyring.
        values: those that the configs of the loop's nodes refer to; only after `look_up`.
    """

    def __init__(self, plan: ExecutionPlan, find: FindSecrets) -> None:
        self.find = find
        self.values: Mapping[str, str] = NO_VALUES
        self._loop = plan.loop
        self._names = plan.secrets

    async def look_up(self) -> None:
        """Look the values up anew; logs what keeps it from that.

        Raises:
            SecretError: if one is not set.
        """
        if not self._names:
            return
        try:
            self.values = await asyncio.to_thread(self.find, self._names)
        except SecretError as error:
            with attributed_to(Attribution(self._loop, "")):
                _log.error("%s cannot start: %s", self._loop, error)
            raise
        for name in sorted(name for name, value in self.values.items() if not is_masked(value)):
            _log.warning("%s: the secret %s has fewer than %d characters: it is not masked", self._loop, name, SHORTEST)
