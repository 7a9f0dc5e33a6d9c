"""The proof of what Nightbus withstands: faults on the real stack, invariants afterwards. Run by ``make faults``."""
