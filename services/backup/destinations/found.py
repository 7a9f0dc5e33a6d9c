"""Whose objects lie at a destination: found by the markers, without knowing any prefix."""

import json
from dataclasses import dataclass

from services.backup.destinations.keys import MARKER
from services.backup.destinations.kinds import opened
from services.backup.destinations.marker import MOST_BYTES
from services.backup.settings.destinations import DestinationSettings


@dataclass(frozen=True, slots=True)
class Found:
    """An installation at a destination."""

    installation_id: str
    prefix: str
