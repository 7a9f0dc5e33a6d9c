"""Frames that were counted before a setting: which of them a rig fits now, and which rigs may be one device.

A rig of nightbus.toml counts for files that are scanned from then on, so somebody has to tell of the others.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from shared.equipment.cameras import without_serial
from shared.equipment.rigs import RigSigns, find_rig, rig_key
from shared.equipment.setup import Equipment


class Counted(NamedTuple):
    """Frames that were counted alike: sizes as stored, the focal length in millimetres, and how many there are."""

    rig: str
    camera: str | None
    telescope: str | None
    focal_length_mm: float | None
    x_binning: int | None
    width_px: int | None
    height_px: int | None
    files: int


class Refit(NamedTuple):
    """Files that are counted under ``rig`` and fit the rig ``fits`` of the settings now."""

    rig: str
    fits: str
    files: int


class Apart(NamedTuple):
    """Rigs that are one device where a person has one of a model: ``bare`` has no serial number, the other does."""

    model: str
    bare: str
    serial: str


def refits(equipment: Equipment, counted: Iterable[Counted]) -> list[Refit]:
    """The rigs that counted frames would have by the settings now, where these are others; the most files first."""
    files: defaultdict[tuple[str, str], int] = defaultdict(int)
    for group in counted:
        factor = group.x_binning or 1
        signs = RigSigns(
            label=group.rig,
            camera=group.camera,
            width_px=None if group.width_px is None else group.width_px * factor,
            height_px=None if group.height_px is None else group.height_px * factor,
            focal_length_mm=group.focal_length_mm,
            telescope=group.telescope,
        )
        found, _several = find_rig(equipment.rigs, signs)
        if found is not None and rig_key(found.name) != rig_key(group.rig):
            files[group.rig, found.name] += group.files
    return [Refit(*names, count) for names, count in sorted(files.items(), key=lambda item: (-item[1], item[0]))]


def devices_apart(equipment: Equipment, counted: Iterable[Counted]) -> Iterator[Apart]:
    """Smart telescopes that are counted with and without a serial number, which firmware began to write one day.

    Not those that the user's rigs name: a person has decided. Nor where several have numbers: which of them the one
    without is, if any, nobody can tell.
    """
    bare: dict[str, str] = {}
    serials: defaultdict[str, set[str]] = defaultdict(set)
    for rig in sorted({group.rig for group in counted}):
        device = without_serial(rig)
        model = equipment.camera_facts(device)
        if model is None or not model.is_smart:
            continue
        if device == rig:
            bare[model.name] = rig
        else:
            serials[model.name].add(rig)
    known = {rig_key(name) for rig in equipment.rigs for name in (rig.name, *rig.aliases)}
    for name, rig in bare.items():
        if len(serials[name]) == 1 and rig_key(rig) not in known:
            yield Apart(name, rig, *serials[name])
