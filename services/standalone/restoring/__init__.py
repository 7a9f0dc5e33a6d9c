"""Everything from a destination alone, on an empty machine: `nightbus backup restore-everything`.

1. ``source``: where the destination is, whose installation lies there, and which dump is the latest good one.
2. ``settings``: nightbus.toml from the kept copy, with the new folders; the secrets that it lacks are asked for now.
3. ``ground``: a home that is empty, or in which this very restore was interrupted.
4. ``database``: a new server, the dump in it, brought to this version.
5. ``files``: every archived file at its place, proven; what is there already is left as it is.
6. ``everything``: all of it in this order. Whatever is interrupted goes on when it is asked for again.
"""
