"""Finished sessions, archived so that they come back byte for byte, years later, even without Nightbus.

In: ``session.finished``, ``file.removed``; ``cmd.backup.run``, ``.retry``, ``.verify``, ``.database``, ``.read-back``.
Out: ``session.archived``, after the archive was verified at its destination.
Owns: the schema ``backup``, and what lies at the destinations below its own prefix.
Promises: files are only read. What is archived is known by content, so that nothing is sent twice, and moves, verdicts
    and new revisions add only what is new. A file that is gone or changed is left out by name and never holds up a
    night. An upload that was interrupted goes on where it was. Nothing is told as archived that was not verified.

Read ``app`` (wiring) -> ``handlers`` -> ``plan`` (what goes into an archive) -> ``archive`` (bytes: tar, zstd, parts,
manifest) -> ``destinations`` (where to: a folder, S3) -> ``store`` (SQL) -> ``schema``.
"""
