"""One question for everything about a frame's equipment, memoised: a night has one camera and a few filters."""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from typing import NamedTuple

from shared.equipment import rigs as matching
from shared.equipment.cameras import NOT_FOUND, CameraTable, FoundCamera, generic_sensor, without_serial
from shared.equipment.filters import FilterNames, filter_key
from shared.equipment.rigs import FOCAL_LENGTH_TOLERANCE, Rig, RigSigns, find_rig, rig_name
from shared.equipment.tables import Camera, Telescope
from shared.equipment.telescopes import TelescopeTable, keeps_focal_length

_CACHED_SETUPS = 4096
_CACHED_NAMES = 256
_SAME_SIZE = 0.06
"""Raw converters keep or cut a border of up to six per cent; a binned frame is at most half as wide."""
_RATIO_RANGE = (0.15, 6.0)
"""Hyperstar gives a fifth of the native focal length, a strong Barlow lens five times."""
_DECIDED = "decided by a person"


class Seen(NamedTuple):
    """What header and path say about the equipment; None is silence. Sizes are of the image as stored."""

    camera: str | None = None
    telescope: str | None = None
    focal_length_mm: float | None = None
    focal_ratio: float | None = None
    pixel_size_um: float | None = None
    x_binning: int | None = None
    width_px: int | None = None
    height_px: int | None = None
    bayer_pattern: str | None = None
    filter_raw: str | None = None
    smart: bool = False
    """The program belongs to a smart telescope, which is its own rig."""
    wide: bool = False
    """The picture is of the smart telescope's second, wide camera."""
    sensor_plane: bool = False
    """One plane as the sensor gave it: neither debayered nor stacked nor processed."""


class Setup(NamedTuple):
    """What is known after the tables were asked; ``filled`` names the facts that are not the header's, and why."""

    camera: str | None
    telescope: str | None
    rig: str | None
    focal_length_mm: float | None
    focal_ratio: float | None
    pixel_size_um: float | None
    bayer_pattern: str | None
    filter: str | None
    filled: tuple[tuple[str, str], ...]
    problem: str | None


class Equipment:
    """The user's equipment and the built-in tables. Immutable apart from its cache.

    ``rig_decided`` tells what a person decided a rig of some name to be called, which goes before all else.
    """

    def __init__(
        self,
        cameras: Iterable[Camera] = (),
        telescopes: Iterable[Telescope] = (),
        rigs: Iterable[Rig] = (),
        filters: Iterable[tuple[str, str]] = (),
        *,
        rig_decided: Callable[[str], str | None] = lambda _name: None,
    ) -> None:
        self.cameras = CameraTable(cameras)
        self.telescopes = TelescopeTable(telescopes)
        self.rigs = tuple(rigs)
        self.filters = FilterNames(filters)
        self._rig_decided = rig_decided
        self.setup = lru_cache(maxsize=_CACHED_SETUPS)(self._setup)
        # A solved focal length differs from frame to frame, the names beside it do not.
        self._camera_named = lru_cache(maxsize=_CACHED_NAMES)(self.cameras.named)
        self._telescope_named = lru_cache(maxsize=_CACHED_NAMES)(self.telescopes.named)

    @staticmethod
    @cache
    def built_in() -> "Equipment":
        """The built-in tables alone."""
        return Equipment()

    def camera_facts(self, name: str | None) -> Camera | None:
        """What is known of a camera by its name: a row of the model, or of what all models of that name share."""
        return None if name is None else self._camera_named(name).facts

    def rig_called(self, name: str) -> str:
        """The rig's present name: as somebody decided, else where ``name`` is one of its aliases, else ``name``."""
        rig = self._rig_decided_for(name) or self._rig_named(name)
        return name if rig is None else (self._rig_decided_for(rig.name) or rig).name

    def _rig_named(self, name: str) -> Rig | None:
        key = matching.rig_key(name)
        known = (rig for rig in self.rigs if key in {matching.rig_key(one) for one in (rig.name, *rig.aliases)})
        return next(known, None)

    def _rig_decided_for(self, name: str) -> Rig | None:
        """The rig that somebody decided a name to mean, with what the user told of it."""
        decided = self._rig_decided(name)
        return None if decided is None else self._rig_named(decided) or Rig(decided, origin=_DECIDED)

    def _find_rig(self, signs: RigSigns) -> tuple[Rig | None, tuple[Rig, ...]]:
        """As ``find_rig``, but for what somebody decided about the name that the frame or the user's rows give."""
        if signs.label is not None and (decided := self._rig_decided_for(signs.label)) is not None:
            return decided, ()
        rig, several = find_rig(self.rigs, signs)
        return (rig if rig is None else self._rig_decided_for(rig.name) or rig), several

    def _setup(self, seen: Seen) -> Setup:
        filled: dict[str, str] = {}
        camera, found = self._camera(seen, filled)
        facts = found.facts
        binning = seen.x_binning or _binning_of(seen, facts)
        pixel = seen.pixel_size_um
        if pixel is None and facts is not None and facts.pixel_size_um is not None and binning is not None:
            pixel = round(facts.pixel_size_um * binning, 4)
            filled["pixel_size_um"] = _by(facts)
        bayer = seen.bayer_pattern
        if bayer is None and facts is not None and facts.bayer_pattern is not None and _is_whole_sensor(seen, facts):
            bayer = facts.bayer_pattern
            filled["bayer_pattern"] = _by(facts)
        smart = seen.smart or (facts is not None and facts.is_smart)
        row = None if seen.wide else self._telescope(seen, camera if smart else None)
        focal = seen.focal_length_mm
        if focal is None and row is not None and keeps_focal_length(seen.telescope or ""):
            focal = row.focal_length_mm
            filled["focal_length_mm"] = _by(row)
        ratio = seen.focal_ratio
        if ratio is None and row is not None and (ratio := _ratio(focal, row)) is not None:
            filled["focal_ratio"] = f"focal length and aperture, {_by(row)}"
        label = self._device_label(seen, camera) if smart else rig_name(seen.telescope, ratio, camera)
        rig, several = self._find_rig(
            RigSigns(
                label=label,
                camera=camera,
                width_px=_unbinned(seen.width_px, binning),
                height_px=_unbinned(seen.height_px, binning),
                focal_length_mm=seen.focal_length_mm,
                telescope=seen.telescope,
            )
        )
        telescope = seen.telescope
        if rig is not None:
            filled["rig"] = rig.origin
            if rig.telescope is not None:
                telescope = rig.telescope
                filled["telescope"] = rig.origin
            if focal is None or "focal_length_mm" in filled:
                focal, filled = _from_rig(rig, rig.focal_length_mm, focal, "focal_length_mm", filled)
            ratio, filled = _from_rig(rig, rig.focal_ratio, ratio, "focal_ratio", filled)
        of_rig = rig.filter_names() if rig is not None else {}
        if (key := filter_key(seen.filter_raw or "")) in of_rig and rig is not None:
            filled["filter"] = f"filters of the rig {rig.name} ({rig.origin})"
        elif key in self.filters.own:
            filled["filter"] = "the user's own filter names"
        return Setup(
            camera=camera,
            telescope=telescope,
            rig=rig.name if rig is not None else label,
            focal_length_mm=focal,
            focal_ratio=ratio,
            pixel_size_um=pixel,
            bayer_pattern=bayer,
            filter=self.filters.canonical(seen.filter_raw, of_rig),
            filled=tuple(filled.items()),
            problem=_doubt(several, seen),
        )

    def _device_label(self, seen: Seen, camera: str | None) -> str | None:
        """A smart telescope's name: it is one piece, told by its serial number where it gives it, else by its model."""
        name = seen.telescope or camera
        if name is not None and without_serial(name) == name:
            row = self._camera_named(name).row
            name = row.name if row is not None and row.is_smart else name
        return f"{name} WIDE" if name and seen.wide else name

    def _camera(self, seen: Seen, filled: dict[str, str]) -> tuple[str | None, FoundCamera]:
        """The camera's usual name, and what is known of it."""
        found = self._camera_named(seen.camera) if seen.camera is not None else NOT_FOUND
        if found.facts is not None:
            name = found.row.name if found.row is not None else seen.camera
            if name != seen.camera:
                filled["camera"] = _by(found.facts)
            return name, found
        sensor = generic_sensor(seen.camera)
        if sensor is not None and (row := self._unnamed_camera(seen, sensor)) is not None:
            filled["camera"] = f"telescope's name, or size of frame and pixels, {_by(row)}"
            return row.name, FoundCamera(row, row)
        return seen.camera, NOT_FOUND

    def _unnamed_camera(self, seen: Seen, sensor: str) -> Camera | None:
        """The camera where the header names none: of the smart telescope in TELESCOP, or the only one that fits."""
        if seen.telescope is not None:
            device = self._camera_named(without_serial(seen.telescope)).row
            if device is not None and device.is_smart:
                return device
        if not (seen.sensor_plane and seen.width_px and seen.height_px and seen.pixel_size_um):
            return None
        binning = seen.x_binning or 1
        fitting = self.cameras.by_sensor(
            seen.width_px * binning,
            seen.height_px * binning,
            seen.pixel_size_um / binning,
            sensor=sensor,
            bayer_pattern=seen.bayer_pattern,
        )
        if len(fitting) > 1 and seen.focal_length_mm is not None:
            fitting = [row for row in fitting if self._has_focus(row, seen.focal_length_mm)]
        return fitting[0] if len(fitting) == 1 else None

    def _has_focus(self, row: Camera, focal_length_mm: float) -> bool:
        """Whether a smart telescope has this focal length; other cameras go with any."""
        optics = self._telescope_named(row.name) if row.is_smart else None
        native = optics.focal_length_mm if optics is not None else None
        return native is None or abs(focal_length_mm - native) <= FOCAL_LENGTH_TOLERANCE * native

    def _telescope(self, seen: Seen, smart_camera: str | None) -> Telescope | None:
        """The row of the telescope, unless the header's focal length shows that it is another."""
        for name in (seen.telescope, smart_camera):
            row = self._telescope_named(name) if name is not None else None
            if row is None:
                continue
            native = row.focal_length_mm
            if seen.focal_length_mm is None or native is None:
                return row
            low, high = _RATIO_RANGE
            return row if low <= seen.focal_length_mm / native <= high else None
        return None


def _from_rig(
    rig: Rig, stated: float | None, known: float | None, fact: str, filled: dict[str, str]
) -> tuple[float | None, dict[str, str]]:
    """The rig's statement where it makes one."""
    return (known, filled) if stated is None else (stated, {**filled, fact: rig.origin})


def _ratio(focal_length_mm: float | None, row: Telescope) -> float | None:
    """The focal ratio to two decimals; the telescope's own where its focal length was measured a little differently."""
    if focal_length_mm is None or not row.aperture_mm:
        return None
    native = row.focal_length_mm
    if native is not None and abs(focal_length_mm - native) <= FOCAL_LENGTH_TOLERANCE * native:
        focal_length_mm = native
    return round(focal_length_mm / row.aperture_mm, 2) or None


def _binning_of(seen: Seen, facts: Camera | None) -> int | None:
    """1 where the header tells no binning and the frame is about as wide as the sensor."""
    if facts is None or not facts.width_px or not seen.width_px:
        return None
    return 1 if abs(seen.width_px / facts.width_px - 1) < _SAME_SIZE else None


def _is_whole_sensor(seen: Seen, facts: Camera) -> bool:
    """Whether the pixels are the sensor's own, all of them: any crop may shift the Bayer pattern."""
    whole = (seen.width_px, seen.height_px) == (facts.width_px, facts.height_px)
    return seen.sensor_plane and whole and seen.x_binning in {None, 1}


def _unbinned(length_px: int | None, binning: int | None) -> int | None:
    return None if length_px is None else length_px * (binning or 1)


def _by(row: Camera | Telescope) -> str:
    return f"equipment table ({row.origin}): {row.name}"


def _doubt(several: tuple[Rig, ...], seen: Seen) -> str | None:
    """A sentence where rigs cannot be told apart although the frame says all that they could be told apart by."""
    if not several or seen.focal_length_mm is None:
        return None
    names = " and ".join(sorted(rig.name for rig in several))
    return f"the rigs {names} fit this frame equally well"
