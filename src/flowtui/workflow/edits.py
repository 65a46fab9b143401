"""Workflow files as they stand on the disk."""

from __future__ import annotations

import hashlib


def text_digest(text: bytes) -> str:
    """Return a hash of a file's content: what is read is written back only if nobody else has changed it."""
    return hashlib.blake2b(text, digest_size=8).hexdigest()
