"""Which master fits which lights, and why: pure functions over properties, without database, files or bus."""
