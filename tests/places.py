"""A config whose settings depend on each other: country → state → city, and what is shown only for some of them."""

from __future__ import annotations

from typing import Annotated

from flowtui import Choices, MultiLine, NodeConfig, ShownIf, Unit

PLACES = {
    "Germany": {"Bavaria": ["Augsburg", "Munich"], "Hesse": ["Frankfurt"]},
    "USA": {"Illinois": ["Chicago", "Springfield"], "Missouri": ["Springfield"]},
    "Monaco": {},
}


def states_of(country: str) -> list[str]:
    return list(PLACES[country])


def cities_of(country: str, state: str) -> list[str]:
    return PLACES[country][state] if state else ["Monte Carlo"]


class Place(NodeConfig):
    country: Annotated[str, Choices(list(PLACES))]
    state: Annotated[str, Choices(states_of, of="country"), ShownIf(lambda country: PLACES[country], of="country")] = ""
    city: Annotated[str, Choices(cities_of, of=("country", "state"))] = ""
    people: Annotated[int, Unit("people")] = 1
    notify: bool = False
    how: Annotated[str, Choices({"mail": "By mail", "phone": "By phone"}), ShownIf(bool, of="notify")] = "mail"
    text: Annotated[str, MultiLine(), ShownIf(lambda how: how == "mail", of="how")] = ""
