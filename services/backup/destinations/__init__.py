"""Where archives go: one port, an adapter for each kind of place."""
