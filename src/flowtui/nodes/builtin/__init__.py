"""The node types that come with flowtui, one module a family."""

from flowtui.nodes.builtin import branches, output, queues, schedule

BUILTIN_MODULES = (branches, output, queues, schedule)
