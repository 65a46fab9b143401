"""From workflow documents to loops that an engine can run."""
