"""Pairs every light with its masters, builds what is missing, and says why.

In: ``file.scanned`` (also of the past), ``file.removed``; commands about masters, sets and pins; views of stats and
ingest.
Out: ``calibration.matched``, ``calibration.missing``, ``master.built``; commands to ingest, which alone changes files.
Owns: the schema ``calibration``.
Promises: each group of lights of a session has one answer for each master that it needs, with its reason; the answers
follow from the frames, the masters and what people decided alone, whatever the order in which they came.

Read ``app`` (wiring) -> ``handlers`` -> ``matching`` (pure) -> ``store`` (SQL) -> ``schema``.
"""
