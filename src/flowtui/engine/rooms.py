"""`Rooms`: all that may be asked of a running engine, each room with its own subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from flowtui.engine.commands import Commands
from flowtui.engine.deployment import Deployment
from flowtui.engine.dev_process import DevProcesses
from flowtui.engine.development import Development
from flowtui.engine.drain import Drains
from flowtui.engine.find import Finder
from flowtui.engine.idle import is_idle, none_to_replay
from flowtui.engine.letter_desk import LetterDesk
from flowtui.engine.log_search import LogSearch
from flowtui.engine.queue_desk import QueueDesk
from flowtui.engine.roll_back import RollBacks
from flowtui.engine.saving import ConfigFiles
from flowtui.engine.taps import Taps
from flowtui.engine.triggers import Triggers
from flowtui.model.access import Access
from flowtui.model.errors import FlowtuiError, StoreUnavailable
from flowtui.model.finding import FoundPage
from flowtui.model.workflows import RollBack
from flowtui.nodes.secrets import Secrets
from flowtui.storage.data_store import DataStore


class Rooms:
    """What belongs to the engine's control thread and answers people; most of it needs the store.

    Attributes:
        commands: to loops.
        triggers: runs by hand.
        configs: the workflow files.
        texts: of these files and of node modules, those that they had before among them.
        taps: samples of what passes through nodes.
        failure: why nothing can run, empty if it can.
        is_loading: whether the workflows are not there yet.
    """

    def __init__(
        self,
        folder: Path,
        deployment: Deployment,
        drains: Drains,
        env: Mapping[str, str],
        log_level: int,
        access: Access,
        logs: LogSearch,
    ) -> None:
        self.access = access
        self.failure = ""
        self.is_loading = True
        self.commands = Commands(deployment, drains)
        self.triggers = Triggers(deployment, lambda: self.store)
        self.configs = ConfigFiles(deployment, folder)
        self.texts = RollBacks(deployment, env)
        self.taps = Taps(lambda: deployment.loops, lambda: self.store)
        self.secrets = Secrets(env)
        self.store: DataStore | None = None
        self._folder = folder
        self._deployment = deployment
        self._env = env
        self._log_level = log_level
        self._logs = logs
        self._development: Development | None = None

    def open(self, store: DataStore) -> None:
        """Take over the store."""
        self.store = store
        self._development = Development(
            lambda: self._deployment.plans,
            self._folder,
            self.secrets,
            store,
            env=self._env,
            why_not_edit=lambda: self.access.why_not_edit,
            processes=DevProcesses(self._log_level),
        )

    def close(self) -> None:
        """End the node that is being tried out, if there is one."""
        if self._development is not None:
            self._development.close()

    @property
    def letters(self) -> LetterDesk:
        """The dead letters.

        Raises:
            StoreUnavailable: if the store is not open.
        """
        store = self._opened()
        plans = {id: loop.plan for id, loop in self._deployment.loops.items()}
        return LetterDesk(store.dead_letters(), plans, self.secrets, store.production_letters())

    @property
    def queues(self) -> QueueDesk:
        """What waits in queues.

        Raises:
            StoreUnavailable: if the store is not open.
        """
        return QueueDesk(self._opened().queue_admin(), [loop.plan for loop in self._deployment.loops.values()])

    @property
    def development(self) -> Development:
        """A single node.

        Raises:
            StoreUnavailable: if the store is not open.
        """
        self._opened()
        assert self._development is not None
        return self._development

    async def find(self, text: str, told: Callable[[FoundPage], None]) -> None:
        """Look for a text in all that is stored and logged; `told` is given each page as it is found.

        Raises:
            StoreUnavailable, StoreError: if the store is not open, does not answer, or refuses.
        """
        store = self._opened()
        await self.taps.flush()
        finder = Finder(store, [loop.plan for loop in self._deployment.loops.values()], self._logs, text)
        async for page in finder.pages():
            told(page)

    async def reload(self) -> str:
        """Read the folder again; return what came of it, empty if nothing has changed since the last time."""
        self._check_loaded()
        return await self._deployment.refresh()

    async def roll_back(self, planned: RollBack) -> str:
        """Give a file an earlier text back; return what came of the reload. Raises as `RollBacks.carry_out`."""
        self._check_loaded()
        return await self.texts.carry_out(planned)

    def _check_loaded(self) -> None:
        if self.is_loading or self.store is None:
            raise FlowtuiError(self.failure or "the workflows are being loaded; try again in a moment")

    async def is_idle(self) -> bool:
        """Tell whether nothing happens any more unless something new comes from outside."""
        if self.is_loading or self.store is None:
            return False
        loops = self._deployment.loops
        views = [loop.view() for loop in loops.values()]
        return await is_idle(views, self.store.queues()) and await none_to_replay(loops, self.store.dead_letters())

    def _opened(self) -> DataStore:
        if self.store is None:
            raise StoreUnavailable(self.failure or "the store is not open yet; try again in a moment")
        return self.store
