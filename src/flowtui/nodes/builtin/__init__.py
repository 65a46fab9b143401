"""The node types that come with flowtui, one module a family."""

from flowtui.nodes.builtin import branches, dedupe, folders, output, queues, records, schedule, tailing, trigger

BUILTIN_MODULES = (branches, dedupe, folders, output, queues, records, schedule, tailing, trigger)
