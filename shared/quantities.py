"""Quantities as people read them."""


def counted(count: int, noun: str) -> str:
    """A number of things: ``1 file``, ``2 files``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def size(size_bytes: float) -> str:
    """Bytes with a decimal prefix: ``12.3 MB``."""
    for unit in ("B", "kB", "MB", "GB"):
        if size_bytes < 1000:
            return f"{size_bytes:.0f} {unit}" if unit == "B" else f"{size_bytes:.1f} {unit}"
        size_bytes /= 1000
    return f"{size_bytes:.1f} TB"


def age(seconds: float) -> str:
    """How long ago something was, as people say it: a duration, and whole days from two days on."""
    days = round(seconds / 86_400)
    return f"{days} days" if seconds >= 2 * 86_400 else duration(max(seconds, 0.0))


def duration(seconds: float) -> str:
    """A duration as people say it: ``1 h 30 min``, ``25 min``, ``2 min 30 s``, ``90 s``; short ones are not rounded."""
    minutes, rest = divmod(round(seconds), 60)
    if seconds < 120 and (rest or not minutes):
        return f"{round(seconds, 1):g} s"
    if seconds < 600 and rest:
        return f"{minutes} min {rest} s"
    whole_hours, minutes = divmod(round(seconds / 60), 60)
    if whole_hours >= 100:
        return f"{round(seconds / 3600)} h"
    if not whole_hours:
        return f"{minutes} min"
    return f"{whole_hours} h {minutes:02d} min" if minutes else f"{whole_hours} h"
