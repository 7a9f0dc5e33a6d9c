"""All SQL of stats: functions over a connection, in modules by what they are about.

``frames`` (with their events), ``files`` (where they lie, what waits, what is quarantined), ``fates`` (moved,
forgotten) and ``totals``, a batch at a time and never row by row (``rows``), under the writers' lock (``writers``);
``sessions`` and ``targets``, and what is told of them; ``decided`` (by people, about names); ``unkept`` (frames without
their events); the jobs of ``upkeep``, whose check compares totals with the frames (``derived``, ``differences``) and
files with what ingest knows (``known``), and whose ``rebuild`` writes anew what follows from the frames.

Whoever calls opens the transaction (``shared.db.pool.transaction``), or takes a connection for a statement that stands
alone (``connected``).
"""
