"""Text for the clipboard of the terminal that a person sits at, through tmux and screen too.

The terminal is told by a control sequence, OSC 52, which works over any line. What stands between takes it like this:
tmux obeys it from a program only with `set-clipboard on` (its default is `external`), but from 3.2 on it puts a buffer
of its own on the clipboard when asked by `load-buffer -w`, whatever `set-clipboard` is. Where its socket is out of
reach, as over a login from within it, it passes on what is wrapped for it, with `allow-passthrough on`. screen passes
on what is wrapped for it, in short pieces.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Iterator, Mapping

_TMUX = ("tmux", "load-buffer", "-w", "-")
_TMUX_TIMEOUT_S = 2.0
#: screen takes strings of 256 bytes at most; in the oldest versions that are still around with all that is around them.
_PIECE = 200


def sequences(text: str, env: Mapping[str, str]) -> Iterator[str]:
    """Yield what to write to the terminal, each piece as a whole; a terminal ignores what it does not take."""
    plain = f"\x1b]52;c;{base64.b64encode(text.encode('utf-8', 'replace')).decode()}\a"
    term = env.get("TERM", "")
    yield plain
    if env.get("TMUX") or term.startswith("tmux"):
        escaped = plain.replace("\x1b", "\x1b\x1b")
        yield f"\x1bPtmux;{escaped}\x1b\\"
    elif term.startswith("screen"):  # tmux, which may call itself so over a login, ignores these
        yield from (f"\x1bP{plain[at : at + _PIECE]}\x1b\\" for at in range(0, len(plain), _PIECE))


async def tell_tmux(text: str) -> None:
    """Have tmux put the text on the clipboard and into a buffer; one that cannot leaves it at that."""
    with contextlib.suppress(OSError, TimeoutError):
        quiet = asyncio.subprocess.DEVNULL
        process = await asyncio.create_subprocess_exec(
            *_TMUX, stdin=asyncio.subprocess.PIPE, stdout=quiet, stderr=quiet
        )
        try:
            async with asyncio.timeout(_TMUX_TIMEOUT_S):
                await process.communicate(text.encode("utf-8", "replace"))
        except TimeoutError:
            process.kill()
            await process.wait()
