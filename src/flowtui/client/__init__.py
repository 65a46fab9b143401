"""The door between an engine and whatever shows it."""
