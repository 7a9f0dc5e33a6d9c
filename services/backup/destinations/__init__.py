"""Where archives go: one port, and an adapter for each kind of place.

Read ``port`` (what every destination promises) -> ``kinds`` (from settings to an open destination) -> ``folder`` ->
``s3``. ``marker`` and ``keys`` are what they have in common.
"""
