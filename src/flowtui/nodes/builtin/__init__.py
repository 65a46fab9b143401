"""The node types that come with flowtui, one module a family."""

from flowtui.nodes.builtin import branches, folders, output, queues, records, schedule, tailing, trigger

BUILTIN_MODULES = (branches, folders, output, queues, records, schedule, tailing, trigger)
