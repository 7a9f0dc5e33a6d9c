"""The path on this host of a content that ingest tells the places of."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from shared.errors import Away, Gone
from shared.library.reading import shown
from shared.library.roots import Root, is_away, resolve


class Place(NamedTuple):
    """Where a content lies."""

    root: str
    path: str
    root_path: str
    size_bytes: int


def path_at(file_id: str, places: Collection[Place]) -> Path:
    """The first of the places at which a file is.

    Raises:
        Away: the root of one of them is not there.
        Gone: it is at none of them.
        Permanent: a path leaves its root.
    """
    away: Away | None = None
    for place in places:
        root = Root(place.root, Path(place.root_path))
        path = resolve(root, place.path)
        if path.is_file():
            return path
        if is_away(root.path):
            away = Away(f"the root {root.name} at {shown(root.path)} is away, and {shown(place.path)} with it")
    if away is not None:
        raise away
    where = f"it is not at {shown(next(iter(places)).path)} any more" if places else "it lies nowhere"
    raise Gone(f"{file_id[:12]}: {where}")
