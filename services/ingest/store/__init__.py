"""All SQL of ingest: functions over a connection, in modules by what they are about.

``roots``, ``ledger`` (what sources hold), ``files`` (contents), ``locations`` (where they lie), ``damage``, ``looks``
(copies that were looked at), ``announcements``, ``deletions``, ``imports``, ``sources`` (how they are), ``checks`` (of
the library), ``strangers`` in it and what was ``displaced`` there, the keeper's jobs (``keeper``) and what they change
(``relocations``, ``placements``, ``removals``, ``tombstones``), and ``batch``, which writes what came of files to most
of these at once.

Whoever calls opens the transaction (``shared.db.pool.transaction``), or takes a connection for a statement that stands
alone (``connected``).
"""
