"""From a picture's EXIF to facts of a frame: EXIF is the header of a picture, so its word goes before the name's."""

from dataclasses import replace
from datetime import UTC, datetime

from shared.equipment.setup import Equipment
from shared.frames import nights
from shared.frames.exif import ExifFacts
from shared.frames.paths import PathFacts
from shared.frames.trace import Origins, Trace


def with_exif(
    path: PathFacts, exif: ExifFacts, source_zone: str | None, trace: Trace | None = None
) -> tuple[PathFacts, datetime | None]:
    """The path's facts with EXIF's before them, and the start of the exposure (aware, UTC) where the zone is known.

    The moment of capture is the camera's own clock: OffsetTimeOriginal says its zone, else the source does. DateTime is
    when the file was last changed; it counts where the name has no time.
    """
    used = {fact: names for fact, names in exif.tags.items() if fact != "observed_at"}
    observed_at: datetime | None = None
    local = exif.taken_at
    if local is None and path.local_time is None and path.utc_time is None:
        local = exif.changed_at
    if local is not None:
        if exif.utc_offset is not None:
            observed_at = (local - exif.utc_offset).replace(tzinfo=UTC)
        names = exif.tags["observed_at"]
        night = nights.night_of_local_time(local) if exif.taken_at is not None else path.night
        path = replace(path, local_time=local, utc_time=None, night=night or nights.night_of_local_time(local))
        if exif.taken_at is not None or night is None:
            used["night"] = names[:1]
        used["observed_at"] = names if observed_at is not None or source_zone is None else (*names, source_zone)
    path = replace(
        path,
        exposure_s=path.exposure_s if exif.exposure_s is None else exif.exposure_s,
        gain=path.gain if exif.gain is None else exif.gain,
        focal_ratio=exif.focal_ratio or path.focal_ratio,
    )
    if trace is not None:
        for fact, names in used.items():
            trace.facts[fact] = Origins(keywords=list(names))
    return path, observed_at


def camera_of(exif: ExifFacts, equipment: Equipment) -> str | None:
    """The camera's usual name by the equipment tables, else model and maker as written, the maker not twice."""
    if exif.camera is None:
        return None
    whole = exif.camera
    if exif.maker is not None and not whole.lower().startswith(exif.maker.split()[0].lower()):
        whole = f"{exif.maker} {whole}"
    for name in dict.fromkeys((whole, exif.camera)):
        row = equipment.cameras.named(name).row
        if row is not None:
            return row.name
    return whole
