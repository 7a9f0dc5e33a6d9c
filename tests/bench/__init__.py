"""``make bench``: ours against the limit, measured side by side in one run, and written to docs/benchmarks.md.

One file per group of rows. Ours and the limit take turns and the medians are compared, so that a noisy machine
disturbs both alike: trust the ratios, not the seconds.
"""
