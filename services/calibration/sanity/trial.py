"""A trial of a master: what would become of a light if it were subtracted."""

import numpy as np

from services.calibration.pixels.levels import Levels
from services.calibration.pixels.strips import Strips
from services.calibration.sanity.rules import Trial
from shared.errors import Permanent

_ROWS = 256
"""Rows that are tried, spread over the frame."""


def try_on(light: Strips, light_levels: Levels, light_name: str, master: Strips, master_levels: Levels) -> Trial:
    """Subtract a master from rows of a light.

    Raises:
        Permanent: the two differ in size.
        Transient: one of them cannot be read now.
    """
    if (light.width, light.height) != (master.width, master.height):
        raise Permanent(
            f"it has {master.width} x {master.height} pixels, the light {light_name} {light.width} x {light.height}"
        )
    differences = []
    for row in range(0, light.height, max(1, light.height // _ROWS)):
        of_light = light.values(row, row + 1) * np.float32(light_levels.adu_per_unit)
        differences.append(of_light - master.values(row, row + 1) * np.float32(master_levels.adu_per_unit))
    difference = np.concatenate(differences)
    known = difference[np.isfinite(difference)]
    negative = float(np.mean(known < 0)) if known.size else 1.0
    return Trial(light_name, light_levels.median_adu, negative)
