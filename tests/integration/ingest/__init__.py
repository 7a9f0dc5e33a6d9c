"""Ingest on the real stack."""
