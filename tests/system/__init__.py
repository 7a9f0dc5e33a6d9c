"""Tests that need Debian packages: containers, a telescope's share, Prometheus, an ordinary account, PostgreSQL 15."""
