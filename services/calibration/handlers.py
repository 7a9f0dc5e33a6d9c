"""What each event does to the schema. Every handler takes a batch and runs in the transaction of its inbox."""

from hashlib import sha256
from pathlib import PurePosixPath

from services.calibration.matching.needs import as_group
from services.calibration.properties import properties_of, to_json
from services.calibration.rows import NewLight
from services.calibration.store import files, frames, lights, needs
from services.calibration.store.frames import NewFrame
from services.calibration.store.writers import data_errors, lock
from shared.bus.transaction import Connection
from shared.events.file import FileRemoved, ScannedFile
from shared.events.frame import FrameType


async def note_files(connection: Connection, events: list[ScannedFile]) -> None:
    """Remember lights and calibration frames as the latest reading of each file tells them.

    What lights need is found out by the matching loop, which a mark in their row has look at them.
    """
    latest: dict[str, ScannedFile] = {}
    for event in events:
        other = latest.get(event.file_id)
        if other is None or other.reading < event.reading:
            latest[event.file_id] = event
    with data_errors():
        await lock(connection)
        gone = await files.forgotten(connection, latest)
        known = await files.known(connection, latest)
        new = [
            event
            for file_id, event in sorted(latest.items())
            if event.scan_revision > gone.get(file_id, 0)
            and (file_id not in known or known[file_id].reading < event.reading)
        ]
        types = {event.file_id: event.frame.frame_type for event in new}
        of_frames = [event for event in new if types[event.file_id].is_calibration]
        of_lights = [event for event in new if types[event.file_id] is FrameType.LIGHT]
        placed = {event.file_id for event in (*of_frames, *of_lights)}
        others = [event for event in new if event.file_id not in placed]
        before = {file_id: known[file_id].frame_type for file_id in types if file_id in known}
        await frames.drop(
            connection, [one for one, was in before.items() if was.is_calibration and not types[one].is_calibration]
        )
        await lights.drop(
            connection, [one for one, was in before.items() if was is FrameType.LIGHT and types[one] is not was]
        )
        await files.drop_others(connection, sorted(placed & before.keys()))
        await frames.write(connection, [_frame(event) for event in of_frames])
        await lights.write(connection, [_light(event) for event in of_lights], known)
        await files.write_others(connection, [(event.file_id, event.reading) for event in others])
        await needs.mark_dirty(connection, {*before.values(), *types.values()})


async def forget_files(connection: Connection, events: list[FileRemoved]) -> None:
    """Take files away for good: what comes of them later is too late."""
    revisions: dict[str, int] = {}
    for event in events:
        revisions[event.file_id] = max(event.scan_revision, revisions.get(event.file_id, 0))
    with data_errors():
        await lock(connection)
        await files.forget(connection, revisions)
        known = await files.known(connection, revisions)
        gone = {file_id: one for file_id, one in known.items() if one.reading.scan_revision <= revisions[file_id]}
        await frames.drop(connection, [file_id for file_id, one in gone.items() if one.frame_type.is_calibration])
        await lights.drop(connection, [file_id for file_id, one in gone.items() if one.group_no is not None])
        await files.drop_others(connection, list(gone))
        await needs.mark_dirty(connection, {one.frame_type for one in gone.values()})


def _frame(event: ScannedFile) -> NewFrame:
    frame = event.frame
    return NewFrame(
        event.file_id, frame.frame_type, properties_of(frame), frame.stack_count, event.format,
        PurePosixPath(event.path).name, event.root, event.path, event.size_bytes, frame.observed_at, event.arrived_at,
        event.reading,
    )  # fmt: skip


def _light(event: ScannedFile) -> NewLight:
    group = as_group(properties_of(event.frame))
    return NewLight(event.file_id, group, sha256(to_json(group).encode()).hexdigest()[:16], event.reading)
