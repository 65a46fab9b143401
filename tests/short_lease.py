"""`flowtui` with another lease time than the usual one: `short_lease.py SECONDS ARGUMENTS…`.

A child that dies again and again is started again as soon as after the first time.
"""

from __future__ import annotations

import functools
import sys

from flowtui.cli import stores
from flowtui.cli.main import main
from flowtui.engine import loop

if __name__ == "__main__":
    lease_s = float(sys.argv.pop(1))
    stores.open_store = functools.partial(stores.open_store, lease_s=lease_s)
    loop._LONGEST_RESTART_S = loop._FIRST_RESTART_S
    main()
