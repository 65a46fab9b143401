"""Authors get every public name from `flowtui`, though it imports them only when asked."""

from __future__ import annotations

import pytest

import flowtui


@pytest.mark.parametrize("name", flowtui.__all__)
def test_a_public_name_can_be_imported(name: str) -> None:
    assert getattr(flowtui, name).__name__ == name or name == "Duration"
    assert name in dir(flowtui)


def test_any_other_name_is_missing_as_usual() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        flowtui.Nothing  # noqa: B018
