"""From which sizes of the terminal on what is shown."""

from __future__ import annotations

LEAST_WIDTH, LEAST_HEIGHT = 40, 10
#: From this height on the alert's line stays when nothing is wrong: nothing else must move when something goes wrong.
ROOMY_HEIGHT = 28
