"""The rules of every rig as the settings have them, and one hash of all of them."""

from functools import lru_cache
from hashlib import sha256

from services.calibration.matching.rules import Rules, rules_of
from services.calibration.settings import CalibrationKeys, CalibrationSettings, DarkLibrarySettings

VERSION = 1
"""Grows with each change of the rules themselves: after an upgrade everything is matched anew."""


class Ruling:
    """What lights of a rig need, and when a master fits them."""

    def __init__(self, settings: CalibrationKeys) -> None:
        self.own = settings.section(CalibrationSettings)
        self.libraries: tuple[DarkLibrarySettings, ...] = settings.dark_libraries
        rigs = settings.calibration_rigs
        said = [self.own.model_dump_json(), *(rig.model_dump_json(exclude_unset=True) for rig in rigs)]
        self.digest = sha256("\n".join([str(VERSION), *said]).encode()).hexdigest()[:16]
        self._rigs = rigs
        self.of = lru_cache(maxsize=1024)(self._of)

    def _of(self, rig: str | None, camera: str | None) -> Rules:
        """The rules for lights of a rig and a camera, as far as these are known."""
        return rules_of(rig, camera, self.own, self._rigs)
