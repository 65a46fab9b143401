"""`python -m flowtui`: the same as `flowtui`."""

from flowtui.cli.main import main

main()
