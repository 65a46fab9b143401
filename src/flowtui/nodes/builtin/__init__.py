"""The node types that come with flowtui, one module a family."""

from collections.abc import Mapping
from types import MappingProxyType

_FAMILIES = {
    "branches": ("if", "switch"),
    "commands": ("shell",),
    "cron": ("cron",),
    "databases": ("sqlite", "sqlite-insert"),
    "dedupe": ("dedupe",),
    "folders": ("directory-watch",),
    "functions": ("python",),
    "http": ("http-notify", "http-request"),
    "http_poll": ("http-poll",),
    "llm": ("llm",),
    "mail": ("email",),
    "output": ("file-append", "log"),
    "queues": ("queue-reader", "queue-writer"),
    "records": ("csv-read", "json-lines"),
    "schedule": ("delay", "interval", "rate-limit", "sequence"),
    "schemas": ("validate",),
    "streams": ("redis-stream",),
    "tailing": ("file-tail",),
    "texts": ("template", "transform"),
    "trigger": ("trigger",),
    "webhook": ("webhook",),
}
#: The module that defines each type. It is imported when the type is first asked for, as what it needs may be slow
#: to import.
BUILTIN_TYPES: Mapping[str, str] = MappingProxyType(
    {name: f"{__name__}.{family}" for family, names in _FAMILIES.items() for name in names}
)
