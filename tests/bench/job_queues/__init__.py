"""The queues that are measured side by side; each in a module of its own, imported in a child only."""

#: With an id beside it, and as JSON, about 200 bytes.
PAYLOAD_TEXT = "x" * 180
