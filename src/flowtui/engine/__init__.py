"""The loop engine: runs plans on threads of its own and knows nothing of screens."""
