"""A masker knows a secret in whatever form it is written, and leaves everything else alone."""

from __future__ import annotations

import base64
import html
import json
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import escape

from flowtui.nodes.masking import Found, Masker, forms

VALUE = "s3cr&t/+ 'q\"Ä"


def masker(**secrets: str) -> Masker:
    made = Masker()
    for name, value in secrets.items():
        made.learn(name, value)
    return made


@pytest.mark.parametrize(
    "written",
    [
        VALUE,
        VALUE.upper(),
        VALUE.lower(),
        VALUE.title(),
        VALUE.capitalize(),
        VALUE[::-1],
        quote(VALUE),
        quote(VALUE, safe=""),
        quote(VALUE, safe="").lower().replace("%c3", "%c3"),
        quote_plus(VALUE),
        json.dumps(VALUE)[1:-1],
        json.dumps(VALUE, ensure_ascii=False)[1:-1],
        repr(VALUE)[1:-1],
        repr(VALUE.encode())[2:-1],
        html.escape(VALUE),
        str(escape(VALUE)),
        VALUE.encode().hex(),
        base64.b64encode(VALUE.encode()).decode(),
        base64.urlsafe_b64encode(VALUE.encode()).decode(),
    ],
)
def test_every_usual_way_to_write_a_secret_is_masked(written: str) -> None:
    assert masker(KEY=VALUE).mask(f"<{written}>") == "<***KEY***>"


@given(st.text(alphabet=st.characters(codec="ascii"), max_size=9), st.text(alphabet="abc:", max_size=9))
def test_a_secret_within_longer_base64_is_masked_wherever_it_stands(before: str, after: str) -> None:
    value = "correct horse battery"
    text = base64.b64encode(f"{before}{value}{after}".encode()).decode()
    masked = masker(KEY=value).mask(text)
    rest = masked.replace("***KEY***", "")
    assert masked != text
    # What is left of it tells at most the bits that share a character with what stands beside it.
    assert len(rest) <= len(base64.b64encode(f"{before}{after}".encode())) + 4


@given(st.text(min_size=4, max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_what_is_no_part_of_a_secret_stays_as_it_is(value: str, before: str, after: str) -> None:
    known = masker(KEY=value)
    parts = known.parts(before + value + after)
    made = "".join(part if isinstance(part, str) else forms(value)[part.form] for part in parts)
    assert made == before + value + after
    assert any(isinstance(part, Found) for part in parts)


def test_each_line_of_a_secret_is_masked_alone() -> None:
    known = masker(PEM="-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----")
    assert known.mask("first MIIEvQIBADANBg") == "first ***PEM***"
    assert "kqhkiG9w0BAQEF" not in known.mask("… kqhkiG9w0BAQEF …")


def test_the_longer_of_two_secrets_wins() -> None:
    assert masker(A="abcdef", B="abcdefghij").mask("abcdefghij abcdef") == "***B*** ***A***"


def test_a_value_that_was_changed_stays_masked_but_not_for_ever() -> None:
    known = masker()
    for n in range(6):
        known.learn("KEY", f"value-{n}-value")
    assert known.mask("value-5-value value-2-value") == "***KEY*** ***KEY***"
    assert known.mask("value-0-value") == "value-0-value"


def test_a_short_value_is_not_masked() -> None:
    assert forms("abc") == {}
    assert masker(PIN="abc").mask("abcdefg") == "abcdefg"
    assert masker(PIN="abcd").mask("abcdefg") == "***PIN***efg"


def test_without_secrets_a_text_is_not_even_looked_at() -> None:
    text = "anything"
    assert masker().mask(text) is text
    assert not masker().is_needed


def test_what_was_made_of_a_secret_is_masked_until_too_much_else_was_made() -> None:
    known = masker()
    known.learn_derived("KEY", "made of it")
    assert known.mask("it is made of it") == "it is ***KEY***"
    assert known.parts("made of it") == [Found("KEY", "")]
    for n in range(600):
        known.learn_derived("KEY", f"other {n:04}")
    assert known.mask("made of it, other 0599") == "made of it, ***KEY***"
