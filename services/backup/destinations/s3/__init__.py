"""A bucket of any server that speaks S3, as a destination.

Read ``bucket`` (what the port promises, as requests) -> ``asking`` (one request, tried again) -> ``refusals`` (what
servers say, as sentences) -> ``features`` (what not every server takes) -> ``client`` (the library, its body and its
signature). Everything here needs aioboto3, which takes half a second and 60 MB: it is imported where it is used.
"""
