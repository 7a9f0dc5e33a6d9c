"""Reasons beside the file that they are about: its path is said once."""

from shared import inert


def said_of(path: str, reason: str) -> str:
    """A reason without the file's path in front, whole or below its root, since that stands beside it."""
    for name in (path, inert.printable(path), inert.name(path)):
        before, found, rest = reason.partition(name)
        if not found or (before and not (before.startswith("/") and before.endswith("/"))):
            continue
        if rest.startswith(": "):
            return rest[2:]
        if rest.startswith(" "):
            return f"it{rest}"
    return reason
