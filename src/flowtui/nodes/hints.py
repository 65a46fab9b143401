"""What an author can say about a setting beyond its type, inside `Annotated[…]`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Unit:
    """What a number counts, in the plural: `Annotated[int, Unit("bytes")]`."""

    name: str


@dataclass(frozen=True, slots=True)
class MultiLine:
    """The text may be long: `Annotated[str, MultiLine()]`."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """The setting can't hold a template, because of `reason`: `Annotated[str, Fixed("its values belong in `values`")]`.

    For what a payload must not decide, such as the text of a program, and for what must be known at the start.
    """

    reason: str


# Compared by identity, as `Annotated` must be able to hash it, whatever its source is.
@dataclass(frozen=True, slots=True, eq=False)
class Choices:
    """What a setting, or each element of a list, may be set to, perhaps depending on others of the same class:

        country: Annotated[str, Choices(["Germany", "Italy"])]
        state: Annotated[str, Choices(states_of, of="country")] = ""
        city: Annotated[str, Choices(cities_of, of=("country", "state"))] = ""

    `source` is a list of values, a mapping from values to labels, or a plain function that returns either. The
    function gets the values of the settings named in `of`, as JSON (so an enum's value, not its member). It is not
    asked before these are chosen. Whenever one of them changes, the setting is cleared, even if the new choices hold
    its old value too: the Springfield of another state is another Springfield.
    """

    source: Callable[..., Iterable[Any]] | Iterable[Any]
    of: str | tuple[str, ...] = ()

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,) if isinstance(self.of, str) else tuple(self.of)

    def ask(self, *values: Any) -> Mapping[Any, Any] | Iterable[Any]:
        """Return what there is to choose from; raises whatever the author's function raises."""
        return self.source(*values) if callable(self.source) else self.source


@dataclass(frozen=True, slots=True, eq=False)
class ShownIf:
    """A setting has a use only if `test`, a plain function of the settings named in `of`, says so:

        body: Annotated[str, MultiLine(), ShownIf(lambda method: method != "GET", of="method")] = ""

    While it has none, it is hidden and cleared, so it needs a default; and so is every setting that is shown only
    depending on it.
    """

    test: Callable[..., object]
    of: str | tuple[str, ...]

    @property
    def parents(self) -> tuple[str, ...]:
        return (self.of,) if isinstance(self.of, str) else tuple(self.of)
