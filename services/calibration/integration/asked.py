"""Which builds are committed: those that a person asks for, and those that the settings of a rig ask for."""

from collections.abc import Callable, Sequence
from uuid import UUID, uuid5

import asyncpg

from services.calibration.integration.builder import JOBS, RulesOf, require_ready
from services.calibration.integration.planning import is_wanted
from services.calibration.sets.grouping import MASTER_OF
from services.calibration.store import builds, masters, raw_sets
from services.calibration.store.raw_sets import SetState
from shared.bus.transaction import Connection
from shared.db.pool import transaction
from shared.errors import NightbusError, UserError
from shared.events.base import EVENT_NAMESPACE
from shared.events.calibration_builds import (
    BuildCancelled,
    BuildMasters,
    BuildsAccepted,
    CancelBuild,
    RefusedSet,
)
from shared.events.frame import FrameType
from shared.jobs.store import JobStore
from shared.logging import get_logger

log = get_logger(__name__)

REST_S = 600.0
"""So long nothing may have come to a set, or gone from it, before the settings have a master made of it."""
_ORDER = (FrameType.BIAS, FrameType.DARKFLAT, FrameType.DARK, FrameType.FLAT)
"""What is subtracted from flats is built before them."""


class Builds:
    """Commits builds and has them cancelled."""

    def __init__(
        self, pool: asyncpg.Pool, rules_of: RulesOf, woken: Callable[[], None], *, rest_s: float = REST_S
    ) -> None:
        """``woken`` is called when a build was committed."""
        self._pool = pool
        self._rules_of = rules_of
        self._woken = woken
        self._rest_s = rest_s

    async def ask(self, command: BuildMasters) -> BuildsAccepted:
        """Commit builds of sets by number, or of all that are ready and not built.

        Raises:
            UserError: none can be built: why, one sentence.
        """
        refused: list[RefusedSet] = []
        accepted: list[UUID] = []
        async with transaction(self._pool) as connection:
            found = await raw_sets.states(connection, list(command.set_nos) or None, self._rest_s)
            if missing := sorted(set(command.set_nos) - {one.set_no for one in found}):
                raise UserError(f"there is no set {missing[0]}: `nightbus calibration sets` lists them")
            for one in _in_order(found):
                try:
                    is_there = one.master_file_id and await masters.type_of(connection, one.master_file_id)
                    self._require(one, is_there=bool(is_there))
                except NightbusError as error:
                    if command.set_nos:
                        refused.append(RefusedSet(set_no=one.set_no, reason=str(error)))
                    continue
                build_id = uuid5(EVENT_NAMESPACE, f"build\x1f{command.command_id}\x1f{one.set_no}")
                await self._add(connection, build_id, one, "person")
                accepted.append(build_id)
        if refused and not accepted:
            raise UserError(refused[0].reason)
        self._woken()
        return BuildsAccepted(build_ids=tuple(accepted), refused=tuple(refused))

    async def ask_by_settings(self) -> None:
        """Commit builds of sets of rigs with ``build_masters``: complete, at rest, of the kind that is missing.

        A set whose frames are the same as those of a build before is left alone, whatever came of that.
        """
        async with transaction(self._pool) as connection:
            found = [
                one
                for one in await raw_sets.states(connection, None, self._rest_s)
                if one.state == "ready" and one.rests and not one.was_tried
                and self._rules_of(one.common.rig, one.common.camera).build_masters
            ]  # fmt: skip
            known = await masters.masters(connection) if found else []
            usable = [one for one in known if one.refused is None]
            wanted = [
                one
                for one in _in_order(found)
                if is_wanted(one.frame_type, one.common, usable, self._rules_of(one.common.rig, one.common.camera))
            ]
            for one in wanted:
                build_id = uuid5(EVENT_NAMESPACE, f"build\x1f{one.set_no}\x1f{one.kept_digest}")
                if await self._add(connection, build_id, one, "settings"):
                    log.info("a master is to be built", set_no=one.set_no, frames=one.kept)
        if wanted:
            self._woken()

    async def cancel(self, command: CancelBuild) -> BuildCancelled:
        """Have a build end; what it was writing is removed.

        Raises:
            UserError: there is no such build.
        """
        state = await JobStore(self._pool, JOBS).cancel(command.build_id)
        if state is None:
            raise UserError(f"there is no build {command.build_id}")
        return BuildCancelled(state=state)

    def _require(self, one: SetState, *, is_there: bool) -> None:
        if one.state == "building":
            raise UserError(f"a master of set {one.set_no} is being built")
        if one.state == "built" and is_there:
            raise UserError(f"a master of set {one.set_no} is there already; frames that come or go make it due again")
        require_ready(one)

    async def _add(self, connection: Connection, build_id: UUID, one: SetState, asked_by: str) -> bool:
        master_type = MASTER_OF[one.frame_type].value
        return await builds.add(connection, build_id, one.set_no, asked_by, master_type, one.kept_digest)


def _in_order(found: Sequence[SetState]) -> list[SetState]:
    return sorted(found, key=lambda one: (_ORDER.index(one.frame_type), one.set_no))
