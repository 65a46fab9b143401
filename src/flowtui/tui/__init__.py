"""The screen: it pulls snapshots through the client's door and never waits for the engine."""
