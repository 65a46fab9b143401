"""`flowtui` with another lease time than the usual one: `short_lease.py SECONDS ARGUMENTS…`."""

from __future__ import annotations

import functools
import sys

from flowtui.cli import options
from flowtui.cli.main import main

if __name__ == "__main__":
    lease_s = float(sys.argv.pop(1))
    options.open_store = functools.partial(options.open_store, lease_s=lease_s)
    main()
