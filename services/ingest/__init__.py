"""Ingest keeps the library: it alone places, moves and forgets files.

1. A source is walked (it hints where to look, the truth comes from walking); what the ledger knows unchanged is done.
2. A file that has come to rest and holds what its header declares is hashed, and for ``copy`` and ``move`` copied:
   hashed on the way in, synced, read back, and placed by the path template without overwriting anything.
3. Known content is already here, if its copy in the library is: that is looked at as closely as what hangs on it asks.
   A copy that rotted is replaced and kept aside, one that somebody changed stays, and what has gone is brought back
   where a person asked for the import.
4. One transaction writes file, location, ledger and the event ``file.arrived`` (outbox).
5. Only after that commit, and only where the settings or a moving import say so, a job hashes source and stored copy
   once more and deletes the source; what waits for a backup, once its member was read back from a verified archive.
6. A reconciler announces again what nobody has scanned or quarantined; a daily walk through the library recognises what
   was moved by hand, and counts what has gone.
7. On request the keeper moves, places, removes and forgets files (``keeper``).

In: sources; ``cmd.ingest.import``, ``cancel-import``, ``reread``, ``move``, ``place``, ``remove``, ``forget`` and
``walk``. Out: ``file.arrived``, ``file.moved``, ``file.removed``; ``cmd.backup.read-back``.
Owns: schema ``ingest``, the library.
Promises: a source is never written to, nothing is overwritten, the same content arrives once.

Read ``app`` (wiring) -> ``handlers`` (commands), ``watch`` and ``imports`` -> ``walker`` -> ``collector`` -> ``shelf``
and ``recorder`` -> ``store`` (SQL). ``sources`` is what a place that captures land in is asked.
"""
