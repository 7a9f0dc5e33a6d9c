"""Sanity of masters, tested before they are used: rules (pure) over levels, and over a trial on a light (trial)."""
