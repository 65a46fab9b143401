"""The node types that come with flowtui, one module a family."""

from collections.abc import Mapping
from types import MappingProxyType

_FAMILIES = {
    "branches": ("if", "switch"),
    "dedupe": ("dedupe",),
    "folders": ("directory-watch",),
    "http": ("http-notify", "http-request"),
    "http_poll": ("http-poll",),
    "llm": ("llm",),
    "output": ("file-append", "log"),
    "queues": ("queue-reader", "queue-writer"),
    "records": ("csv-read", "json-lines"),
    "schedule": ("delay", "interval", "sequence"),
    "tailing": ("file-tail",),
    "trigger": ("trigger",),
    "webhook": ("webhook",),
}
#: The module that defines each type. It is imported when the type is first asked for, as what it needs may be slow
#: to import.
BUILTIN_TYPES: Mapping[str, str] = MappingProxyType(
    {name: f"{__name__}.{family}" for family, names in _FAMILIES.items() for name in names}
)
