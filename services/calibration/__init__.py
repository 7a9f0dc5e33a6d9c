"""Pairs every light with its masters, builds what is missing, and says why.

In: ``file.scanned`` (also of the past), ``file.removed``; commands about masters, sets and pins; views of stats and
ingest.
Out: ``calibration.matched``, ``calibration.missing``, ``master.built``; commands to ingest, which alone changes files.
Owns: the schema ``calibration``.
Promises: each group of lights of a session has one answer for each master that it needs, with its reason; the answers
follow from the frames, the masters and what people decided alone, whatever the order in which they came.

1. ``handlers`` notes lights and calibration frames; ``commands`` what people decide about them.
2. ``matcher`` turns lights into groups, groups into needs, and needs into answers (``matching``, pure).
3. ``pixels`` measures raw frames and masters, ``sets`` groups and judges raw frames, ``sanity`` tests masters.
4. ``integration`` builds the masters that are missing, or that somebody asks for.
5. ``filing`` gives masters their folder, ``distribution`` places them beside lights, ``cleaning`` removes raw frames.

Read ``app`` (wiring, with ``masters_work`` and ``files_work``) -> ``handlers`` -> the pure files -> ``store`` (SQL) ->
``schema``.
"""
