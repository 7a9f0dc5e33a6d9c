"""What each event does to the schema. Every handler takes a batch and runs in the transaction of its inbox."""

from collections.abc import Sequence

from services.backup import plan
from services.backup.store import archives, members
from shared.bus.transaction import Connection
from shared.events.file import FileRemoved
from shared.events.session import SessionFinished


async def ask_archives(connection: Connection, events: list[SessionFinished], *, destinations: Sequence[str]) -> None:
    """Ask for an archive of each session at each destination; without a destination there is nothing to do."""
    await archives.ask(
        connection,
        [
            (
                plan.archive_id(name, event.session_id, f"r{event.revision}"), name, event.session_id, event.night,
                event.revision,
            )
            for event in events
            for name in destinations
        ],
    )  # fmt: skip


async def forget_files(connection: Connection, events: list[FileRemoved]) -> None:
    """Mark what archives hold of files that are forgotten; it stays there until its time is over."""
    await members.forget(connection, [event.file_id for event in events])
