"""`nightbus doctor`: looks at all that Nightbus needs and says, a line each, what is fine, or wrong, and the fix.

It is asked when something is down, so no look depends on another that may fail, each is bounded in time, and a folder
that hangs keeps nobody waiting. ``judge`` says what facts mean, ``facts`` asks the database once for what several looks
need, the other modules look: at ``servers`` (NATS, Postgres, clocks), ``places`` (folders, disks), ``targets`` of
archives, and at settings and the services themselves (``run``).
"""
