"""What stands for each character where the terminal takes ASCII alone: frames, signs, bars, and people's letters."""

from __future__ import annotations

import unicodedata

from rich.cells import cell_len

#: What has no form of its own, and no letters to show instead.
_UNKNOWN = "?"

_SIGNS = {
    "▶": ">",
    "▷": "-",
    "‖": "=",
    "▼": "v",
    "◌": "%",
    "■": "#",
    "✔": "+",
    "✖": "x",
    "↻": "@",
    "○": "o",
    "●": "*",
    "◆": "Y",
    "◇": "y",
    "⇒": ">",
    "†": "t",
    "‡": "T",
    "▲": "^",
    "▸": ">",
    "▾": "v",
    "→": ">",
    "←": "<",
    "↑": "^",
    "↓": "v",
    "×": "x",
    "±": "~",
    "·": "-",
    "…": "~",
    "–": "-",
    "—": "-",
    "“": '"',
    "”": '"',
    "‘": "'",
    "’": "'",
    "⇥": ">",
    "↵": "|",
    "␡": _UNKNOWN,
    "\N{REPLACEMENT CHARACTER}": _UNKNOWN,
}
_SPINNER = dict(zip("◐◓◑◒", "|/-\\", strict=True))
#: Fuller ones are darker.
_BARS = dict(zip("▁▂▃▄▅▆▇█░▒▓", "_.:-=+*#.:%", strict=True))
_EDGES = {
    **dict.fromkeys("─━═╴╶╌┄▔▀", "-"),
    **dict.fromkeys("│┃║╵╷╎┆▏▎▍▌▋▊▉▐▕", "|"),
    **dict.fromkeys("╭╮╰╯├┤┬┴┼┌┐└┘╔╗╚╝▛▜▙▟▗▖▝▘", "+"),
}
#: Textual's, at the beginning of its palette.
_WIDE = {"🔎": "/ "}
#: Every sign that is drawn.
FORMS = {**_SIGNS, **_SPINNER, **_BARS, **_EDGES, **_WIDE}


class AsciiForms(dict[int, str]):
    """ASCII of the same width for any character, for `str.translate`; filled as characters turn up.

    A letter with a mark is shown without it; what has no such form is a question mark for each cell.
    """

    def __init__(self) -> None:
        super().__init__({ord(char): form for char, form in FORMS.items()})

    def __missing__(self, code: int) -> str:
        self[code] = form = _form(chr(code)) if code > 0x7F else chr(code)
        return form


def _form(char: str) -> str:
    width = cell_len(char)
    plain = "".join(part for part in unicodedata.normalize("NFKD", char) if part.isascii() and part.isprintable())
    return plain.ljust(width) if 0 < len(plain) <= width else _UNKNOWN * width
