"""What the tests of the engine share."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from dev_lab import FLOW, QUEUES, SECRETS, SMALL, developing, write_folder
from flowtui.engine.development import Development
from flowtui.storage.data_store import DataStore, StoreInfo
from flowtui.storage.lease import LEASE_S
from flowtui.storage.memory import MemoryConnector


@pytest.fixture
async def memory_store() -> AsyncIterator[DataStore]:
    opened = DataStore(StoreInfo("memory", "memory", False), MemoryConnector(), "{t}", None, LEASE_S)
    with contextlib.closing(opened):
        yield opened
        await opened.release()


@pytest.fixture(scope="module")
def dev_files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that no test changes, but for its pins."""
    files = {"flow.yaml": FLOW, "small.yaml": SMALL, "queues.yaml": QUEUES}
    return write_folder(tmp_path_factory.mktemp("flows"), files)


@pytest.fixture
def bench(dev_files: Path, memory_store: DataStore) -> Iterator[Development]:
    """Works on `dev_files`, in this process."""
    yield developing(dev_files, memory_store, env=SECRETS)
    shutil.rmtree(dev_files / ".flowtui", ignore_errors=True)


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path, {"flow.yaml": FLOW})


@pytest.fixture
def own(own_folder: Path, memory_store: DataStore) -> Development:
    """Works on `own_folder`, which a test may change."""
    return developing(own_folder, memory_store)
