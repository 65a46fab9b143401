"""Good workflow files, and what becomes of them when one thing in them is broken on purpose."""
