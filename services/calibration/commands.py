"""What people decide about masters: each command writes it and marks what is to be answered anew."""

import json
from datetime import date

import asyncpg

from services.calibration.matcher import Matcher
from services.calibration.rows import Known
from services.calibration.store import frames, masters, needs, people
from services.calibration.store.writers import lock
from shared import inert
from shared.bus.transaction import Connection
from shared.db.inbox import claim
from shared.db.pool import transaction
from shared.errors import UserError
from shared.events.calibration_commands import (
    AssignMaster,
    CalibrationAsked,
    CheckCalibration,
    DescribeFrame,
    FrameDescribed,
    MasterJudged,
    RecordTrainChange,
    RefuseMaster,
    RequirementsChanged,
    Supplied,
    TrainChangeRecorded,
    UnassignMaster,
)
from shared.events.frame import FrameType

ID_DIGITS = 12
"""Of a file's id in a sentence."""
PERSON = "person"


class Commands:
    """Handlers of the commands that change something; a repeated request changes nothing more."""

    def __init__(self, pool: asyncpg.Pool, matcher: Matcher) -> None:
        self._pool = pool
        self._matcher = matcher

    async def assign(self, command: AssignMaster) -> RequirementsChanged:
        """Pin a master to a requirement.

        Raises:
            UserError: there is no such master or requirement, they are of different types, or several are meant.
        """
        async with transaction(self._pool) as connection:
            await lock(connection)
            known = await needs.of_session(connection, command.session_id)
            master_type = await _master_type(connection, command.master_file_id)
            if command.requirement_id is None:
                chosen = _only(command.session_id, [one for one in known if one.need.master_type is master_type])
            else:
                chosen = _named(command.session_id, command.requirement_id, known)
                if chosen.need.master_type is not master_type:
                    raise UserError(
                        f"{chosen.requirement_id} wants a {_words(chosen.need.master_type)}, and "
                        f"{command.master_file_id[:ID_DIGITS]} is a {_words(master_type)}"
                    )
            if await claim(connection, command.subject, [command.command_id]):
                await people.pin(
                    connection, command.session_id, chosen.requirement_id, command.master_file_id, command.person
                )
                await needs.mark_one(connection, command.session_id, chosen.requirement_id)
        self._matcher.wake()
        return RequirementsChanged(requirement_ids=(chosen.requirement_id,))

    async def unassign(self, command: UnassignMaster) -> RequirementsChanged:
        """Take pins of a session back.

        Raises:
            UserError: nobody chose a master for it.
        """
        changed: list[str] = []
        async with transaction(self._pool) as connection:
            await lock(connection)
            pinned = await people.pinned(connection, command.session_id)
            if command.requirement_id is not None:
                pinned = [one for one in pinned if one == command.requirement_id]
            is_new = await claim(connection, command.subject, [command.command_id])
            if is_new and not pinned:
                what = command.requirement_id or "requirement"
                raise UserError(f"nobody chose a master for any {inert.name(what)} of {command.session_id}")
            for requirement_id in pinned if is_new else ():
                await people.unpin(connection, command.session_id, requirement_id)
                await needs.mark_one(connection, command.session_id, requirement_id)
                changed.append(requirement_id)
        self._matcher.wake()
        return RequirementsChanged(requirement_ids=tuple(changed))

    async def describe(self, command: DescribeFrame) -> FrameDescribed:
        """Supply properties to a calibration frame, or take them back.

        Raises:
            UserError: there is no such calibration frame.
        """
        async with transaction(self._pool) as connection:
            await lock(connection)
            frame = await frames.described(connection, command.file_id)
            if frame is None:
                raise UserError(f"there is no calibration frame {command.file_id[:ID_DIGITS]}")
            supplied = json.loads(frame.supplied)
            if await claim(connection, command.subject, [command.command_id]):
                supplied |= command.supplied.model_dump(mode="json", exclude_none=True)
                supplied = {name: value for name, value in supplied.items() if name not in command.withdrawn}
                await frames.supply(connection, command.file_id, frame.scanned, json.dumps(supplied, sort_keys=True))
                await needs.mark_dirty(connection, [frame.frame_type])
        self._matcher.wake()
        return FrameDescribed(supplied=Supplied(**supplied))

    async def refuse(self, command: RefuseMaster) -> MasterJudged:
        """Have a master be used no more, or again.

        Raises:
            UserError: there is no such master, or no reason is given.
        """
        async with transaction(self._pool) as connection:
            await lock(connection)
            await _master_type(connection, command.file_id)
            if not command.undo and command.reason is None:
                raise UserError("say why the master may not be used")
            changed = False
            if await claim(connection, command.subject, [command.command_id]):
                if command.undo:
                    changed = await masters.allow(connection, command.file_id, PERSON)
                else:
                    changed = await masters.refuse(connection, command.file_id, PERSON, command.reason or "")
        self._matcher.wake()
        return MasterJudged(changed=changed)

    async def train_changed(self, command: RecordTrainChange) -> TrainChangeRecorded:
        """Record a change of a rig's optical train, or take that back.

        Raises:
            UserError: no frame was taken with a rig of that name.
        """
        rig, changed_on = command.rig, command.changed_on
        async with transaction(self._pool) as connection:
            await lock(connection)
            if not command.undo and not await people.is_rig(connection, rig):
                raise UserError(
                    f"there is no rig {inert.name(rig)}; `nightbus equipment rigs` and `sessions` name them"
                )
            changed = False
            if await claim(connection, command.subject, [command.command_id]):
                changed = await self._record(connection, rig, changed_on, command)
                await needs.mark_dirty(connection, [FrameType.MASTER_FLAT])
        self._matcher.wake()
        return TrainChangeRecorded(changed=changed)

    async def check(self, _command: CheckCalibration) -> CalibrationAsked:
        """Match everything anew; the loop does it in the background."""
        return CalibrationAsked(requirements=await self._matcher.evaluate())

    @staticmethod
    async def _record(connection: Connection, rig: str, changed_on: date, command: RecordTrainChange) -> bool:
        if command.undo:
            return await people.undo_change(connection, rig, changed_on)
        return await people.record_change(connection, rig, changed_on, command.person)


async def _master_type(connection: Connection, file_id: str) -> FrameType:
    found = await masters.type_of(connection, file_id)
    if found not in masters.MASTER_TYPES:
        kind = "no calibration frame" if found is None else f"a {found.value}"
        raise UserError(f"{file_id[:ID_DIGITS]} is no master but {kind}; `nightbus calibration masters` lists them")
    return found


def _named(session_id: str, requirement_id: str, known: list[Known]) -> Known:
    for one in known:
        if one.requirement_id == requirement_id:
            return one
    raise UserError(f"{session_id} has no requirement {inert.name(requirement_id)}: it has {_listed(known)}")


def _only(session_id: str, known: list[Known]) -> Known:
    if len(known) != 1:
        which = f"say which requirement is meant: {_listed(known)}" if known else "it has none of this type"
        raise UserError(f"{session_id}: {which}")
    return known[0]


def _listed(known: list[Known]) -> str:
    return ", ".join(one.requirement_id for one in known) or "none"


def _words(master_type: FrameType) -> str:
    return master_type.value.lower().replace("_", " ")
