"""The scanner on the real stack."""
