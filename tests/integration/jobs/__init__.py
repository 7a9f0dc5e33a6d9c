"""Jobs on the real Postgres: claims, leases, fences."""
