"""What the tables of matching are made of: lights, masters, and a row with the expected answer and its sentence."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from types import MappingProxyType
from typing import Any, NamedTuple

from services.calibration.matching.candidates import Candidates
from services.calibration.matching.match import match
from services.calibration.matching.model import Answer, Master, Need
from services.calibration.matching.needs import needs_of
from services.calibration.matching.rules import Rules, rules_of
from services.calibration.properties import Properties
from services.calibration.settings import CalibrationSettings, RigCalibration
from shared.events.frame import FrameType

C8E = Properties(
    camera="ZWO ASI2600MM Pro",
    telescope="C8E",
    rig="C8E@f10.0+ZWO ASI2600MM Pro",
    exposure_s=300.0,
    gain=100.0,
    offset=50.0,
    set_temp_c=-10.0,
    sensor_temp_c=-9.9,
    filter="Ha",
    x_binning=1,
    width_px=6248,
    height_px=4176,
    night=date(2026, 1, 31),
)
"""Lights of the first rig of the source process."""
_OF_NO_LIGHT = {"filter": None, "telescope": None, "rig": None, "night": None, "rotator_angle_deg": None}


class Row(NamedTuple):
    """One line of a table: for these lights this master is taken (None: none), and this is said."""

    name: str
    takes: str | None
    says: str
    masters: Sequence[Master]
    lights: Properties = C8E
    kind: str = "dark"
    settings: Mapping[str, Any] = MappingProxyType({})
    rigs: Sequence[RigCalibration] = ()
    pinned: str | None = None
    changes: Sequence[date] = ()

    @property
    def rules(self) -> Rules:
        """The rules of the rig of the lights."""
        return rules_of(self.lights.rig, self.lights.camera, CalibrationSettings(**self.settings), self.rigs)

    @property
    def need(self) -> Need:
        """The need of the row's kind."""
        wanted = FrameType(f"MASTER_{self.kind.upper()}")
        return next(one for one in needs_of(self.lights, self.rules) if one.master_type is wanted)

    def answer(self, masters: Sequence[Master] | None = None) -> Answer:
        """What matching says."""
        known = Candidates(self.masters if masters is None else masters)
        return match(self.need, known, self.rules, pinned=self.pinned, train_changes=self.changes)


def dark(name: str = "dark.xisf", made: str = "2026-01-05", refused: str | None = None, **changes: Any) -> Master:
    """A master dark that fits the lights of C8E but for what is changed."""
    return _master(FrameType.MASTER_DARK, name, made, refused, C8E._replace(**_OF_NO_LIGHT)._replace(**changes))


def bias(name: str = "bias.xisf", made: str = "2026-01-05", refused: str | None = None, **changes: Any) -> Master:
    """A master bias that fits."""
    wanted = C8E._replace(**_OF_NO_LIGHT, exposure_s=0.001)
    return _master(FrameType.MASTER_BIAS, name, made, refused, wanted._replace(**changes))


def flat(name: str = "flat.xisf", made: str = "2026-02-01", refused: str | None = None, **changes: Any) -> Master:
    """A master flat that fits, of the same night."""
    return _master(FrameType.MASTER_FLAT, name, made, refused, C8E._replace(exposure_s=2.5)._replace(**changes))


def _master(master_type: FrameType, name: str, made: str, refused: str | None, properties: Properties) -> Master:
    return Master(name, master_type, properties, datetime.fromisoformat(made).replace(tzinfo=UTC), name, refused)


def lights(**changes: Any) -> Properties:
    """Lights of C8E, changed."""
    return C8E._replace(**changes)
