"""Whose certificates a node trusts when it connects to a server."""

from __future__ import annotations

import ssl
from pathlib import Path

from flowtui.model.errors import NodeError


def trusting(path: Path) -> ssl.SSLContext:
    """Return a context that trusts the certificates in a file (PEM), and no others.

    Raises:
        NodeError: if the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=path)
    except OSError as error:  # ssl.SSLError is one too
        raise NodeError(f"the certificates in {path} cannot be used: {error.strerror or error}") from None
