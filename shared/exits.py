"""The exit code by which a process of services asks for something."""

EX_TEMPFAIL = 75
"""Of one that wants to be started again (sysexits.h)."""
