"""Files that were moved, and files that were forgotten, in all that is counted."""

from typing import Any

from services.stats.store.rebuild import rebuild
from tests.integration.stats.world import apply, arrived, check, file_id, light, moved, removed, row, scanned, snapshot


async def test_a_moved_file_is_found_where_it_is_now(connection: Any) -> None:
    """Root and path follow the latest move, whenever it comes; an announcement that knew of it tells the place."""
    await apply(connection, moved("a", "M31/a.fits", revision=2), arrived("a"), moved("a", "early/a.fits", revision=1))
    query = "SELECT root, path FROM files WHERE file_id = $1"
    assert await row(connection, query, file_id("a")) == {"root": "library", "path": "M31/a.fits"}
    await apply(connection, arrived("a", path="elsewhere/a.fits", revision=2, location_revision=2))
    assert (await row(connection, query, file_id("a")))["path"] == "elsewhere/a.fits"


async def test_a_moved_preview_follows_the_frame_of_its_new_name(connection: Any) -> None:
    """Previews belong to the frame beside them: a move of either takes the preview along, or away, in totals too."""
    frame = light("a", path="night/a.fits", rig="R1")
    preview = scanned("p", path="night/a.jpg", frame_type="PREVIEW", rig=None, camera=None, night=None)
    await apply(connection, frame, preview)
    session = "SELECT session_id FROM frame WHERE file_id = $1"
    assert await row(connection, session, file_id("p")) == await row(connection, session, file_id("a"))
    await apply(connection, moved("p", "pictures/a.jpg"))
    assert await row(connection, session, file_id("p")) != await row(connection, session, file_id("a"))
    assert await check(connection) == []
    await apply(connection, moved("a", "pictures/a.fits"))
    assert await row(connection, session, file_id("p")) == await row(connection, session, file_id("a"))
    before = await snapshot(connection)
    await rebuild(connection)
    assert await snapshot(connection) == before


async def test_what_is_forgotten_leaves_all_totals(connection: Any) -> None:
    """A forgotten light leaves target, session and counts, its twin counts, and a rebuild changes nothing."""
    await apply(connection, arrived("a"), arrived("b"), light("a"), light("b", start_s=60), light("twin", start_s=60))
    await apply(connection, removed("a"), removed("b"))
    assert (await row(connection, "SELECT exposures, sessions FROM target")) == {"exposures": 1, "sessions": 1}
    assert (await row(connection, "SELECT files, exposures FROM session")) == {"files": 1, "exposures": 1}
    assert (await row(connection, "SELECT counted FROM frame WHERE file_id = $1", file_id("twin")))["counted"]
    kept = await row(connection, "SELECT count(*) AS events FROM event")
    assert kept == {"events": 1}
    before = await snapshot(connection)
    await rebuild(connection)
    assert await snapshot(connection) == before


async def test_nothing_of_a_forgotten_file_leaves_no_row(connection: Any) -> None:
    """The last file of a session and a target takes both along; nothing but that it was forgotten remains."""
    await apply(connection, arrived("a"), light("a"), removed("a"))
    found = await snapshot(connection)
    assert [table for table, rows in found.items() if any(map(any, rows))] == ["removed"]


async def test_what_comes_too_late_of_a_forgotten_file_is_dropped(connection: Any) -> None:
    """Its arrival, scan and move change nothing afterwards; a higher scan revision says that it came back."""
    await apply(connection, removed("a", revision=2, location_revision=3))
    before = await snapshot(connection)
    late = (arrived("a", revision=2), light("a", revision=1), moved("a", "x/a.fits", revision=2))
    await apply(connection, *late)
    assert await snapshot(connection) == before
    await apply(connection, arrived("a", revision=3, location_revision=3), light("a", revision=3, location_revision=3))
    assert (await row(connection, "SELECT exposures FROM target"))["exposures"] == 1


async def test_a_target_takes_the_name_that_its_frames_still_bear(connection: Any) -> None:
    """The name that only a forgotten frame gave goes with it."""
    event = light("a")
    assert event.target is not None
    odd = event.model_copy(update={"target": event.target.model_copy(update={"name": "A first name"})})
    await apply(connection, odd, light("b", start_s=60))
    assert (await row(connection, "SELECT name FROM target"))["name"] == "A first name"
    await apply(connection, removed("a"))
    assert (await row(connection, "SELECT name FROM target"))["name"] == "Andromeda Galaxy"
    assert await check(connection) == []
