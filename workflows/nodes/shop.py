"""The customers of the web shop. A function is a node, too: `type: python` with `function: shop:sale`."""

from __future__ import annotations

from typing import Any

from flowtui import NodeData

_CUSTOMERS = ("Ada", "Blaise", "Charles", "Dorothy", "Edsger", "Frances", "Grace")
_PRODUCTS = (("tea", 4.5), ("coffee", 8.9), ("kettle", 39.0), ("grinder", 89.0))
_COUNTRIES = ("IT", "FR", "IT", "NO", "IT")
_TWICE_EVERY = 10
_BROKEN_EVERY = 40


def sale(data: NodeData) -> dict[str, Any]:
    """Make up a sale; one customer in ten buys once more what was just bought, one in 40 names no price."""
    tick = int(data["tick"])
    turn = tick - 1 if tick % _TWICE_EVERY == 0 else tick
    product, price = _PRODUCTS[turn % len(_PRODUCTS)]
    return {
        "sale": data.id,
        "customer": _CUSTOMERS[turn % len(_CUSTOMERS)],
        "country": _COUNTRIES[turn % len(_COUNTRIES)],
        "product": product,
        "price": None if tick % _BROKEN_EVERY == _BROKEN_EVERY - 15 else price,
    }
