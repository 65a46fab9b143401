"""Production and development, and looking only: what the header says, and what `m` does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from fake_client import FakeClient, a_busy_afternoon, a_loop, a_snapshot
from running import running

from flowtui.model.access import DEVELOPING, READ_ONLY, USUAL, Access, Mode
from flowtui.tui.screens.confirm import ConfirmScreen
from flowtui.tui.screens.run import RunScreen


def a_client(access: Access) -> FakeClient:
    return FakeClient(replace(a_busy_afternoon(), access=access))


async def test_m_switches_between_production_and_development_and_the_header_says_which() -> None:
    async with running(a_client(USUAL)) as it:
        assert "PRODUCTION" in it.text.splitlines()[0]
        await it.press("m")
        assert "DEVELOPMENT" in it.text.splitlines()[0]
        assert it.toasts == ["development mode"]
        await it.press("m")
        assert "PRODUCTION" in it.text.splitlines()[0]


@pytest.mark.parametrize(
    ("access", "why"), [(READ_ONLY, "was started with --read-only"), (DEVELOPING, "works beside production")]
)
async def test_m_says_why_the_mode_stays(access: Access, why: str) -> None:
    async with running(a_client(access)) as it:
        await it.press("m")
        (toast,) = it.toasts
        assert why in toast
        assert it.client.shown.access == access


@pytest.mark.parametrize("access", [READ_ONLY, DEVELOPING, Access(Mode.DEVELOPMENT)])
async def test_an_unusual_mode_is_said_on_narrow_screens_too(access: Access) -> None:
    async with running(a_client(access)) as it:
        for columns in (200, 120, 80):
            await it.resize(columns, 24)
            header = it.text.splitlines()[0]
            assert ("DEVELOPMENT" if access.mode is Mode.DEVELOPMENT else "read-only") in header, (columns, header)


@pytest.mark.parametrize("keys", ["K", "X", "D", "tab tab tab j R"])
async def test_who_may_only_look_is_not_asked_first(keys: str) -> None:
    async with running(a_client(READ_ONLY)) as it:
        await it.press(*keys.split())
        assert it.toasts == [READ_ONLY.why_not_edit]
        assert not isinstance(it.app.screen, ConfirmScreen)


async def test_who_may_only_look_is_shown_no_form_of_a_run() -> None:
    client = FakeClient(a_snapshot(a_loop("orders.ask", is_triggered=True), access=READ_ONLY))
    async with running(client) as it:
        await it.press("T")
        assert it.toasts == [READ_ONLY.why_not_edit]
        assert not isinstance(it.app.screen, RunScreen)
