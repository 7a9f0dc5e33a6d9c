"""Which object a frame points at, from where it points.

Every object with a position is weighed as *the one that was meant*, by Bayes' rule: how often people image such an
object (``_prominence``), times how likely they would then point where this frame points (``_Sky.weights``), against
the chance that they meant nothing that the catalogue has. What comes out is a probability, so that it can say "none"
and "one of these two" as well as "this one". The weights are few, and are checked against the labelled fields of
tests/unit/targets; docs/targets.md explains them.

numpy and scipy are imported when the first field is asked for: frames without coordinates must not wait for them.
"""

import math
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, NamedTuple

from shared.targets.catalogue import Catalogue, SkyObject

if TYPE_CHECKING:
    from numpy import float64, intp
    from numpy.typing import NDArray

_TYPICAL_FIELD_DEG = 1.0
"""Both sides of a field whose optics are unknown; what is said about it is trusted less."""
_UNKNOWN_FIELD_TRUST = 0.9

_CACHED_VIEWS = 16_384
_CENTRE_DIGITS = 2
"""0.01 degree is far below any pointing error: the dithered frames of a night are one question."""
_FIELD_DIGITS = 2

_LARGE_DEG = 1.0
"""Objects of a larger radius are few; they are always looked at, the others found by the tree."""
_LEAF = 32
"""Objects in a leaf of the tree; measured fastest for fields of about a degree."""
_KEPT = 5
_LEAST_KEPT = 0.02

# How people point: frame centres lie about the object's in three ways. The scales are degrees and add in squares.
_CENTRED, _CENTRED_DEG, _CENTRED_OF_SIZE = 0.4, 0.03, 0.06
"""After plate solving; the catalogues disagree about the centres of large objects."""
_AIM_DEG, _AIM_OF_FIELD = 0.12, 0.12
"""By the mount's own pointing, or composed by eye: all other frames."""
_DETAILS, _DETAIL_OF_RADIUS = 0.25, 0.6
"""A panel of a mosaic or a detail, somewhere within the object."""
_TAIL = 3.0
"""Degrees of freedom of Student's t: a tenth of all frames is much farther off than the rest."""

# Prominence: natural logarithms of how often an object is imaged, next to a Messier object.
_NAMED, _CALDWELL, _UNNAMED = -1.6, -2.0, -5.5
_EACH_NAME, _NAMES_COUNTED = 0.45, 4
_BY_KIND = {
    "HII": 0.8, "Cl+N": 0.8, "SNR": 0.8, "Neb": 0.6, "EmN": 0.6, "RfN": 0.6, "PN": 0.5, "GCl": 0.3, "DrkN": -1.2,
    "OCl": -0.6, "*Ass": -1.5,
}  # fmt: skip
_NEBULAE = frozenset({"HII", "Cl+N", "SNR", "Neb", "EmN", "RfN", "PN"})
_WELL_KNOWN_CATALOGUES, _WELL_KNOWN = ("NGC", "IC", "Sh2-"), 1.0
_LYNDS = -1.5
"""Atlases and planning programs show the nebulae of the first, and leave out most of Lynds'."""
_BRIGHT_MAGNITUDE, _FAINTEST_MAGNITUDE, _EACH_MAGNITUDE = 10.0, 16.0, 0.9
_NORMAL_SIZE_ARCMIN, _EACH_SIZE = 10.0, 0.35
_UNKNOWN_MAGNITUDE_NAMED = 12.0
_NAKED_EYE_MAGNITUDE, _EACH_NAKED_EYE = 8.0, 0.25
_NO_TARGETS = frozenset({"*", "**", "Other", "Nova"})
"""Single and double stars, and lost objects: nobody points at them unless they are named and extended."""

# An object should suit the field: neither a dot in it nor many times larger.
_DOT_BELOW, _EACH_DOT = 0.08, 0.8
_LARGE_ABOVE, _EACH_LARGE = 3.0, 1.0

_MEANT_NOTHING = 0.2
"""Share of the frames without a name that show no object of the catalogue: comets, stars, tests, landscapes."""
_MEANT_SOMETHING_ELSE = 500.0
"""How much likelier that is where a name is given and is none of ours."""
_SKY_SQUARE_DEG = 41_253.0

_SIZES_ARCMIN = {
    "IC1396": 170.0, "NGC6334": 35.0, "NGC6357": 40.0, "NGC2264": 40.0, "NGC6960": 70.0, "M16": 35.0, "M78": 8.0,
    "NGC7380": 25.0, "NGC7822": 60.0, "IC1318": 180.0, "NGC7023": 18.0, "IC5146": 12.0, "IC2177": 120.0,
    "NGC2174": 40.0, "IC1795": 20.0, "NGC1333": 10.0, "IC4604": 60.0, "NGC6188": 20.0, "NGC3576": 20.0,
}  # fmt: skip
"""Where OpenNGC gives the size of the cluster within, or of a whole remnant for its part: about how far the nebula
reaches on usual pictures of it. Good enough to tell whether it fills a field, and not measured."""


class Field(NamedTuple):
    """What a frame covers: its centre, ICRS degrees, and its two sides, degrees; None where the optics are unknown."""

    ra_deg: float
    dec_deg: float
    width_deg: float | None = None
    height_deg: float | None = None

    @property
    def short_deg(self) -> float:
        """The shorter side, degrees."""
        return min(self.width_deg or _TYPICAL_FIELD_DEG, self.height_deg or _TYPICAL_FIELD_DEG)

    @property
    def reach_deg(self) -> float:
        """From the centre to a corner, degrees."""
        return math.hypot(self.width_deg or _TYPICAL_FIELD_DEG, self.height_deg or _TYPICAL_FIELD_DEG) / 2


class Seen(NamedTuple):
    """An object in a field; ``probability`` (0 to 1) that it is the one that was meant."""

    target: SkyObject
    probability: float


class Positions:
    """The objects of a catalogue by position. Built on first use; an answer depends on its question alone."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._cached = lru_cache(maxsize=_CACHED_VIEWS)(self._meant)

    @cached_property
    def sky(self) -> "_Sky":
        """The tables behind; made once, in about 0.1 s and the import of scipy."""
        return _Sky(self._catalogue)

    def meant(self, field: Field, *, named_otherwise: bool = False) -> tuple[Seen, ...]:
        """The objects that a frame may be meant to show, the likeliest first; at most five, empty where none is likely.

        Args:
            field: what the frame covers; its centre is rounded to 0.01 degree.
            named_otherwise: the frame has a name that is no object of the catalogue.
        """
        sides = [None if side is None else max(round(side, _FIELD_DIGITS), 0.01) for side in field[2:]]
        ra, dec = round(field.ra_deg, _CENTRE_DIGITS), round(field.dec_deg, _CENTRE_DIGITS)
        return self._cached(Field(ra, dec, *sides), named_otherwise)

    def _meant(self, field: Field, named_otherwise: bool) -> tuple[Seen, ...]:
        return self.sky.weigh(field, named_otherwise)


class _Sky:
    def __init__(self, catalogue: Catalogue) -> None:
        import numpy as np
        from scipy.spatial import cKDTree

        caldwell = {known.catalog_id for n in range(1, 110) if (known := catalogue.resolve(f"C{n}")) is not None}
        rated = [
            (one, rate)
            for one in catalogue
            if one.ra_deg is not None
            and one.dec_deg is not None
            and (rate := _prominence(one, one.catalog_id in caldwell)) is not None
        ]
        self.objects = [one for one, _ in rated]
        rates = np.exp(np.array([rate for _, rate in rated]))
        self.rates: NDArray[float64] = rates / rates.sum()
        self.sizes_deg: NDArray[float64] = np.array([size_arcmin(one) for one in self.objects]) / 60
        ra = np.radians([one.ra_deg or 0.0 for one in self.objects])
        dec = np.radians([one.dec_deg or 0.0 for one in self.objects])
        self.vectors: NDArray[float64] = np.column_stack(
            (np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec))
        )
        self.tree = cKDTree(self.vectors, leafsize=_LEAF)
        self._large = np.flatnonzero(self.sizes_deg > 2 * _LARGE_DEG)
        self._small = np.flatnonzero(self.sizes_deg <= 2 * _LARGE_DEG)
        self._small_tree = cKDTree(self.vectors[self._small], leafsize=_LEAF)

    def near(self, ra_deg: float, dec_deg: float, radius_deg: float) -> list[int]:
        """Numbers of the objects within a circle."""
        found: list[int] = self.tree.query_ball_point(_vector(ra_deg, dec_deg), _chord(radius_deg))
        return found

    def weigh(self, field: Field, named_otherwise: bool) -> tuple[Seen, ...]:
        import numpy as np

        reach, centre = field.reach_deg, _vector(field.ra_deg, field.dec_deg)
        near = self._small[self._small_tree.query_ball_point(centre, _chord(reach + _LARGE_DEG))]
        found = np.concatenate((near, self._large))
        apart = self.vectors[found] - centre
        chords = np.sqrt(np.einsum("ij,ij->i", apart, apart))
        away_deg = np.degrees(2 * np.arcsin(np.minimum(chords / 2, 1.0)))
        inside = away_deg <= reach + self.sizes_deg[found] / 2
        found, away_deg = found[inside], away_deg[inside]
        if not len(found):
            return ()
        weights = self.weights(field, found, away_deg)
        nothing = _MEANT_NOTHING * (_MEANT_SOMETHING_ELSE if named_otherwise else 1.0) / _SKY_SQUARE_DEG
        trust = 1.0 if field.width_deg and field.height_deg else _UNKNOWN_FIELD_TRUST
        shares = trust * weights / (weights.sum() + nothing)
        together: list[Seen] = []
        for place in np.argsort(-shares, kind="stable"):
            one, share = self.objects[found[place]], float(shares[place])
            if share < _LEAST_KEPT and together:
                break
            # the two halves of the Double Cluster, of the Antennae: one name, one target
            names = set(one.common_names)
            same = next((at for at, seen in enumerate(together) if names.intersection(seen.target.common_names)), None)
            if same is None:
                together.append(Seen(one, share))
            else:
                first = together[same]
                together[same] = Seen(_better_known(first.target, one), first.probability + share)
        ranked = sorted(together, key=lambda seen: -seen.probability)
        return tuple(seen._replace(probability=round(seen.probability, 4)) for seen in ranked[:_KEPT])

    def weights(self, field: Field, found: "NDArray[intp]", away_deg: "NDArray[float64]") -> "NDArray[float64]":
        """How likely each object was meant, up to a common factor; per square degree of pointing."""
        import numpy as np

        size = self.sizes_deg[found]
        aim = np.full_like(size, _AIM_DEG**2 + (_AIM_OF_FIELD * field.short_deg) ** 2)
        aimed = (
            _CENTRED * _student(away_deg, _CENTRED_DEG**2 + (_CENTRED_OF_SIZE * size) ** 2)
            + (1 - _CENTRED - _DETAILS) * _student(away_deg, aim)
            + _DETAILS * _student(away_deg, aim + (_DETAIL_OF_RADIUS * size / 2) ** 2)
        )
        dot = np.maximum(np.log(_DOT_BELOW * field.short_deg / size), 0.0)
        large = np.maximum(np.log(size / (_LARGE_ABOVE * field.short_deg)), 0.0)
        weights: NDArray[float64] = self.rates[found] * aimed * np.exp(-_EACH_DOT * dot - _EACH_LARGE * large)
        return weights


def _student(away_deg: "NDArray[float64]", spread: "NDArray[float64]") -> "NDArray[float64]":
    """Density of Student's t in two dimensions, per square degree; ``spread`` is its squared scale."""
    density: NDArray[float64] = (1 + away_deg**2 / (_TAIL * spread)) ** (-(_TAIL + 2) / 2) / (2 * math.pi * spread)
    return density


def size_arcmin(one: SkyObject) -> float:
    """An object's larger diameter, arcminutes; a usual one for its kind where the catalogues give none."""
    size = _SIZES_ARCMIN.get(one.catalog_id) or one.size_arcmin
    return max(size, 0.2) if size else (1.0 if one.kind.startswith("G") or one.kind == "PN" else 10.0)


def separation_deg(one: SkyObject, ra_deg: float, dec_deg: float) -> float | None:
    """Great-circle distance by the haversine formula, degrees; None where the object has no position."""
    if one.ra_deg is None or one.dec_deg is None:
        return None
    ra1, dec1, ra2, dec2 = map(math.radians, (ra_deg, dec_deg, one.ra_deg, one.dec_deg))
    half = math.sin((dec2 - dec1) / 2) ** 2 + math.cos(dec1) * math.cos(dec2) * math.sin((ra2 - ra1) / 2) ** 2
    return round(math.degrees(2 * math.asin(min(1.0, math.sqrt(half)))), 5)


def _prominence(one: SkyObject, caldwell: bool) -> float | None:
    """Natural logarithm of how often an object is imaged; None for what nobody images."""
    messier = one.catalog_id[0] == "M" and one.catalog_id[1:].isdigit()
    named = bool(one.common_names)
    extended = bool(one.size_arcmin) or one.catalog_id in _SIZES_ARCMIN
    if one.kind in _NO_TARGETS and not (messier or (named and extended)):
        return None
    rate = 0.0 if messier else _NAMED if named else _CALDWELL if caldwell else _UNNAMED
    rate += _EACH_NAME * min(len(one.common_names), _NAMES_COUNTED)
    rate += _BY_KIND.get(one.kind, 0.0)
    if one.kind in _NEBULAE and one.catalog_id.startswith(_WELL_KNOWN_CATALOGUES):
        rate += _WELL_KNOWN
    if one.catalog_id.startswith("LBN") and not named:
        rate += _LYNDS
    magnitude = one.magnitude
    if one.kind.startswith("G"):
        usual = _UNKNOWN_MAGNITUDE_NAMED if named else _FAINTEST_MAGNITUDE
        faint = min(usual if magnitude is None else magnitude, _FAINTEST_MAGNITUDE) - _BRIGHT_MAGNITUDE
        rate -= _EACH_MAGNITUDE * max(faint, -2.0)
    elif magnitude is not None:
        rate += _EACH_NAKED_EYE * max(_NAKED_EYE_MAGNITUDE - magnitude, 0.0)
    return rate + _EACH_SIZE * max(math.log(size_arcmin(one) / _NORMAL_SIZE_ARCMIN), -3.0)


def _better_known(one: SkyObject, other: SkyObject) -> SkyObject:
    """Of two objects of one name the one that people file it under: more names, then the lower number."""
    return min(one, other, key=lambda each: (-len(each.common_names), len(each.catalog_id), each.catalog_id))


def _vector(ra_deg: float, dec_deg: float) -> tuple[float, float, float]:
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    to_axis = math.cos(dec)
    return to_axis * math.cos(ra), to_axis * math.sin(ra), math.sin(dec)


def _chord(angle_deg: float) -> float:
    return 2 * math.sin(math.radians(min(angle_deg, 180.0)) / 2)
