"""The database as it lies at a destination: dumped by PostgreSQL's own program, streamed, and read back.

``programs`` (pg_dump and pg_restore), ``layout`` (keys, and what lies beside each dump), ``pipe`` (the bytes of a dump
as they come), ``send`` (to a destination, and read back), ``work`` (the jobs), ``before`` (a dump before a migration).
"""
