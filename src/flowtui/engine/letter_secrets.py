"""Dead letters are filed without the secrets in them, and get them back when they are run again.

What else people see of items never gets them back.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from flowtui.model.development import Stored
from flowtui.model.errors import SecretError
from flowtui.model.letters import PARTS, DeadLetter, Hidden, KeyPath
from flowtui.nodes.masking import Found, in_form, is_encoded_in, masker
from flowtui.nodes.secrets import FindSecrets

#: In place of a form: the secret stood there as a number.
_NUMBER = "number"


def without_secrets(letter: DeadLetter) -> DeadLetter:
    """Return a letter with `***NAME***` in place of every secret in it, and a note of what to put back. Never raises.

    What templates have made of a secret cannot be put back: such a part counts as inexact.
    """
    if not masker.is_needed:
        return letter
    hiding = _Hiding()
    parts = {part: hiding.part(part, getattr(letter, part)) for part in PARTS}
    if not (hiding.hidden or hiding.inexact):
        return letter
    return replace(
        letter,
        **parts,
        hidden=(*letter.hidden, *hiding.hidden),
        inexact=tuple(sorted({*letter.inexact, *hiding.inexact})),
    )


def masked(value: Any) -> Any:
    """Return data of a node with `***NAME***` in place of every secret in it, for good. Never raises."""
    return _Hiding().part("", value) if masker.is_needed and _may_hold_secret(value) else value


def masked_data(data: Stored) -> Stored:
    """Return data of a node with `***NAME***` in place of every secret in it, for good. Never raises."""
    if not masker.is_needed:
        return data
    by = {need: masked_data(each) for need, each in data.by.items()}
    return Stored(masked(data.payload), by, masker.mask(data.id))


def with_secrets(letter: DeadLetter, find: FindSecrets) -> DeadLetter:
    """Return a letter with its secrets, with the values of today; may wait for a file or a keyring.

    Raises:
        SecretError: if one is not set.
    """
    if not letter.hidden:
        return letter
    values = find({secret for hidden in letter.hidden for secret in hidden.secrets})
    parts = {part: copy.deepcopy(getattr(letter, part)) for part in PARTS}
    for hidden in letter.hidden:
        owner: Any = parts
        for key in hidden.at[:-1]:
            owner = owner[key]
        owner[hidden.at[-1]] = _revealed(hidden, values)
    return replace(letter, **parts, hidden=())


def _may_hold_secret(value: Any) -> bool:
    try:
        return masker.holds_secret("\n".join(_texts(value)))
    except Exception:  # an author's class, or nested within itself or too deeply
        return True


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, each in value.items():
            yield str(key)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    else:
        yield value if isinstance(value, str) else _repr(value)


def _revealed(hidden: Hidden, values: Mapping[str, str]) -> str | int:
    texts = []
    for part in hidden.parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        secret, form = part
        text = values[secret] if form == _NUMBER else in_form(values[secret], form)
        if text is None or (form == _NUMBER and not text.isdecimal()):
            raise _changed(secret)
        if form == _NUMBER:
            return int(text)
        texts.append(text)
    whole = "".join(texts)
    for secret, form in (part for part in hidden.parts if not isinstance(part, str)):
        if form.startswith("base64") and not is_encoded_in(values[secret], whole):
            raise _changed(secret)
    return whole


def _changed(secret: str) -> SecretError:
    return SecretError(f"the secret {secret} was changed, so that it cannot be put back; edit the letter first")


class _Hiding:
    """Takes the secrets out of the parts of one letter.

    Attributes:
        hidden: what is to be put back.
        inexact: the parts in which something cannot be put back.
    """

    def __init__(self) -> None:
        self.hidden: list[Hidden] = []
        self.inexact: set[str] = set()

    def part(self, name: str, value: Any) -> Any:
        try:
            return self._value(value, (name,))
        except Exception:  # an author's class, or nested within itself or too deeply
            self.inexact.add(name)
            self.hidden = [hidden for hidden in self.hidden if hidden.at[0] != name]
            return {"repr": masker.mask(_repr(value))}

    def _value(self, value: Any, at: KeyPath) -> Any:
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, str):
            return self._text(value, at)
        if isinstance(value, int):
            return self._number(value, at)
        if isinstance(value, dict):
            shown = {key: self._key(key, at) for key in value}
            return {shown[key]: self._value(each, (*at, shown[key])) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._value(each, (*at, place)) for place, each in enumerate(value)]
        text = _repr(value)
        if not masker.holds_secret(text):
            return value
        self.inexact.add(str(at[0]))
        return masker.mask(text)

    def _text(self, text: str, at: KeyPath) -> str:
        parts = masker.parts(text)
        found = [part for part in parts if isinstance(part, Found)]
        if not found:
            return text
        if all(part.form for part in found):
            self.hidden.append(Hidden(at, tuple(parts)))
        else:
            self.inexact.add(str(at[0]))
        return "".join(part if isinstance(part, str) else part.shown for part in parts)

    def _number(self, number: int, at: KeyPath) -> Any:
        first, *others = masker.parts(str(number))
        if others or not isinstance(first, Found):
            return number  # secret digits within a longer number are met everywhere
        if first.form:
            self.hidden.append(Hidden(at, (Found(first.secret, _NUMBER),)))
        else:
            self.inexact.add(str(at[0]))
        return first.shown

    def _key(self, key: Any, at: KeyPath) -> Any:
        if not isinstance(key, str) or not masker.holds_secret(key):
            return key
        self.inexact.add(str(at[0]))
        return masker.mask(key)


def _repr(value: Any) -> str:
    try:
        return repr(value)
    except Exception:  # an author's class
        return object.__repr__(value)
