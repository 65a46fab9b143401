"""Dead letters are filed without secrets, and a replay gets what the node got."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from flowtui.cli.letter_texts import letter_text
from flowtui.engine.letter_secrets import with_secrets, without_secrets
from flowtui.model.errors import SecretError
from flowtui.model.letters import DeadLetter
from flowtui.nodes.masking import forms, masker

KEY = "letter-k3y/0815"
VALUES = {"LETTER_KEY": KEY, "LETTER_PIN": "471147"}
CODED = base64.b64encode(f"user:{KEY}".encode()).decode()


@pytest.fixture(autouse=True)
def _known() -> None:
    for name, value in VALUES.items():
        masker.learn(name, value)


def letter(payload: dict[str, Any], **more: Any) -> DeadLetter:
    return DeadLetter(
        id="1", loop="w.l", node="n", revision="r", payload=payload, trace="t", attempt=1, error="E", message="m",
        traceback="", fingerprint="f", failed_at=1.0, **more,
    )  # fmt: skip


def filed(payload: dict[str, Any], **more: Any) -> DeadLetter:
    """Return the letter as the store gives it back."""
    return DeadLetter.from_json(without_secrets(letter(payload, **more)).to_json())


PAYLOAD = {
    "key": KEY,
    "header": f"Bearer {KEY}, again {KEY.upper()}",
    "nested": [{"a": [f"x{KEY}"]}, "harmless"],
    "coded": CODED,
    "pin": 471147,
    "text": "4711470 is no pin",
    "other": [1, 2.5, None, True],
}


def test_a_filed_letter_shows_no_secret_and_gets_all_back() -> None:
    kept = filed(
        PAYLOAD, item={"raw": KEY}, by={"a": {"payload": {"k": KEY}}}, upstream={"b": {"payload": [KEY]}, "c": None}
    )
    text = kept.to_json().decode()
    assert [form for value in VALUES.values() for form in forms(value).values() if f'"{form}' in text] == []
    assert KEY not in text
    assert kept.payload["header"] == "Bearer ***LETTER_KEY***, again ***LETTER_KEY***"
    assert kept.payload["pin"] == "***LETTER_PIN***"
    assert not kept.inexact
    assert "hides     ***LETTER_KEY***, ***LETTER_PIN***: a secret, which a replay puts back" in letter_text(kept)
    back = with_secrets(kept, lambda names: {name: VALUES[name] for name in names})
    assert back.payload == PAYLOAD
    assert (back.item, back.hidden) == ({"raw": KEY}, ())
    assert back.by == {"a": {"payload": {"k": KEY}}}
    assert back.upstream == {"b": {"payload": [KEY]}, "c": None}


def test_a_letter_without_secrets_is_left_as_it_is() -> None:
    plain = letter({"n": 1, "text": "***LETTER_KEY*** and ${secret:LETTER_KEY} are only text"})
    assert without_secrets(plain) is plain
    assert with_secrets(plain, lambda names: pytest.fail("asked for a secret")) is plain


def test_text_that_looks_like_a_hidden_secret_gets_none() -> None:
    back = with_secrets(filed({"mine": KEY, "theirs": "***LETTER_KEY***"}), lambda _: VALUES)
    assert back.payload == {"mine": KEY, "theirs": "***LETTER_KEY***"}


def test_a_replay_gets_the_value_of_today() -> None:
    kept = filed({"header": f"Bearer {KEY}"})
    assert with_secrets(kept, lambda _: {"LETTER_KEY": "new-value"}).payload == {"header": "Bearer new-value"}
    kept = filed({"upper": KEY.upper()})
    assert with_secrets(kept, lambda _: {"LETTER_KEY": "4711"}).payload == {"upper": "4711"}


def test_a_replay_without_a_value_that_fits_is_refused() -> None:
    for value in ("new", "letter-k3y/0816"):
        with pytest.raises(SecretError, match="the secret LETTER_KEY was changed, so that it cannot be put back"):
            with_secrets(filed({"coded": CODED}), lambda _: {"LETTER_KEY": value})  # noqa: B023
    with pytest.raises(SecretError, match="LETTER_PIN was changed"):
        with_secrets(filed({"pin": 471147}), lambda _: {"LETTER_PIN": "no number"})


class Odd:
    def __repr__(self) -> str:
        return f"Odd({KEY})"


def test_what_cannot_be_put_back_is_hidden_and_keeps_the_letter_from_being_replayed() -> None:
    masker.learn_derived("LETTER_KEY", "made-by-a-template")
    deep: dict[str, Any] = {"key": KEY}
    deep["self"] = deep
    for payload in ({"k": "made-by-a-template"}, {KEY: 1}, {"odd": Odd()}, deep):
        kept = filed(payload)
        assert KEY not in kept.to_json().decode()
        assert "made-by-a-template" not in kept.to_json().decode()
        assert kept.inexact == ("payload",)
        assert "held what a letter cannot hold; edit it first" in kept.why_not(from_start=False)


def test_an_edit_keeps_what_it_still_shows() -> None:
    kept = filed({"key": KEY, "pin": 471147, "n": 1})
    edited = kept.edited("payload", kept.payload | {"pin": 5, "n": 2})
    back = with_secrets(DeadLetter.from_json(edited.to_json()), lambda _: VALUES)
    assert back.payload == {"key": KEY, "pin": 5, "n": 2}
    whole = kept.edited("item", kept.whole | {"n": 3})
    back = with_secrets(DeadLetter.from_json(whole.to_json()), lambda _: VALUES)
    assert (back.payload, back.whole) == ({"key": KEY, "pin": 471147, "n": 1}, {"key": KEY, "pin": 471147, "n": 3})
    moved = kept.edited("payload", {"other": json.loads(json.dumps(kept.payload["key"]))})
    assert with_secrets(moved, lambda _: VALUES).payload == {"other": "***LETTER_KEY***"}
