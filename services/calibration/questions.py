"""Questions that are answered by the rules: why a requirement has its answer, and what a wanted dark library lacks."""

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING

import asyncpg

from services.calibration.matching.model import Matched
from services.calibration.matching.needs import need_of
from services.calibration.matching.shopping import to_capture
from services.calibration.properties import Properties
from services.calibration.ruling import Ruling
from services.calibration.store import masters, needs, people
from shared.db.pool import snapshot
from shared.errors import UserError
from shared.events.calibration_commands import (
    MOST_PLANNED,
    Alternative,
    DarkLibrary,
    DarksPlanned,
    Explained,
    ExplainRequirements,
    PlanDarks,
    PlannedDark,
    RequirementsExplained,
)
from shared.events.frame import FrameType

if TYPE_CHECKING:
    from services.calibration.matching.candidates import Candidates


class Questions:
    """Handlers of the commands that change nothing."""

    def __init__(self, pool: asyncpg.Pool, ruling: Ruling) -> None:
        self._pool = pool
        self._ruling = ruling

    async def explain(self, command: ExplainRequirements) -> RequirementsExplained:
        """The requirements of a session with their answers and the masters that come nearest.

        Raises:
            UserError: the session needs nothing, or not this.
        """
        from services.calibration.matching.alternatives import alternatives
        from services.calibration.matching.candidates import Candidates

        async with snapshot(self._pool) as connection:
            known = await needs.of_session(connection, command.session_id)
            told = await needs.explanations(connection, command.session_id)
            candidates = Candidates(await masters.masters(connection))
            changes = await people.changes(connection)
        if command.requirement_id is not None:
            known = [one for one in known if one.requirement_id == command.requirement_id]
        if not known:
            what = command.requirement_id or "master"
            raise UserError(f"no light of {command.session_id} needs a {what}; `nightbus calibration status` has all")
        found = []
        for one in known:
            rules = self._ruling.of(one.rig, one.camera)
            train_changes = changes.get(one.rig or "", ())
            nearest = alternatives(one.need, candidates, rules, train_changes, limit=command.alternatives)
            capture = to_capture(one.need, rules.min_frames, rules.flat_nights, train_changes).sentence
            found.append(
                Explained(
                    requirement_id=one.requirement_id,
                    master_type=one.need.master_type,
                    state=one.state,
                    explanation=told[one.requirement_id],
                    master_file_id=one.master_file_id,
                    is_pinned=one.pinned is not None,
                    lights=one.lights,
                    rules=rules.origin,
                    capture=capture if one.state == "missing" else None,
                    alternatives=tuple(
                        Alternative(file_id=master.file_id, name=master.name[-255:], fits=fits, sentence=sentence)
                        for master, fits, sentence in nearest
                    ),
                )
            )
        return RequirementsExplained(requirements=tuple(found))

    async def plan(self, command: PlanDarks) -> DarksPlanned:
        """Every dark of the wanted libraries: the master that there is, or what to capture.

        Raises:
            UserError: no library is wanted, or more darks than one answer holds.
        """
        from services.calibration.matching.candidates import Candidates

        libraries = command.libraries or self._wanted()
        if not libraries:
            raise UserError("say what you want (--camera, --exposure, …), or set [[dark_libraries]] in nightbus.toml")
        wanted = [one for library in libraries for one in _darks(library)]
        if len(wanted) > MOST_PLANNED:
            raise UserError(f"that would be {len(wanted)} darks: ask for at most {MOST_PLANNED} at once")
        async with snapshot(self._pool) as connection:
            candidates = Candidates(await masters.masters(connection))
        return DarksPlanned(darks=tuple(self._planned(one, candidates) for one in wanted))

    def _wanted(self) -> Sequence[DarkLibrary]:
        return [DarkLibrary(**library.model_dump()) for library in self._ruling.libraries]

    def _planned(self, wanted: Properties, candidates: "Candidates") -> PlannedDark:
        from services.calibration.matching.match import match

        rules = self._ruling.of(None, wanted.camera)
        need = need_of(FrameType.MASTER_DARK, wanted, rules.dark)
        found = match(need, candidates, rules)
        said = {name: getattr(wanted, name) for name in PlannedDark.model_fields if name in Properties._fields}
        if isinstance(found, Matched):
            master = found.master
            return PlannedDark(
                **said, master_file_id=master.file_id, master_name=master.name[-255:], sentence=found.explanation
            )
        shopping = to_capture(need, rules.min_frames)
        return PlannedDark(**said, sentence=shopping.sentence, frames=shopping.frames, total_s=shopping.total_s)


def _darks(library: DarkLibrary) -> list[Properties]:
    """Every combination that a library wants."""
    return [
        Properties(
            camera=library.camera, exposure_s=exposure_s, gain=gain, set_temp_c=set_temp_c, offset=library.offset,
            x_binning=library.x_binning, readout_mode=library.readout_mode,
        )
        for exposure_s, gain, set_temp_c in product(
            library.exposures_s, library.gains or (None,), library.set_temps_c or (None,)
        )
    ]  # fmt: skip
