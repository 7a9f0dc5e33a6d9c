"""The stats service on the real stack."""
