"""The matching loop: what is answered, when it is answered anew, and what is told of it."""

from datetime import timedelta

import pytest

from services.calibration import matcher
from services.calibration.answers import answers as really
from services.calibration.settings import CalibrationSettings
from services.calibration.store import masters
from services.calibration.store.writers import lock
from services.settings import AllSettings
from shared.db.pool import transaction
from shared.errors import UserError
from shared.events.calibration_commands import (
    AssignMaster,
    CheckCalibration,
    DescribeFrame,
    ExplainRequirements,
    RecordTrainChange,
    RefuseMaster,
    Supplied,
    UnassignMaster,
)
from shared.settings import PostgresSettings
from tests.integration.calibration.world import (
    ARRIVED,
    NIGHT,
    RIG,
    World,
    dark,
    flat,
    kinds,
    night_after,
    opened,
    removed,
    sub,
)
from tests.integration.stats.world import file_id, scanned

SESSION = "20240301_D350B247"


async def requirement(one: World, master_type: str = "MASTER_DARK") -> str:
    """The requirement of a type that the session has."""
    found: str = await one.pool.fetchval(
        "SELECT requirement_id FROM requirements WHERE session_id = $1 AND master_type = $2", SESSION, master_type
    )
    return found


async def test_lights_without_masters_are_told_what_to_capture(one: World) -> None:
    """A session that lacks its dark and its flat has two answers, each with the frames to capture and the time."""
    await one.bring(*(sub(f"l{n}", start_s=60.0 * n) for n in range(3)))
    assert await one.requirements("session_id", "master_type", "state", "lights", "integration_s", "capture_s") == [
        (SESSION, "MASTER_DARK", "missing", 3, 180.0, 1200.0),
        (SESSION, "MASTER_FLAT", "missing", 3, 180.0, None),
    ]
    assert await one.told() == [("missing", 1, None)] * 2
    (dark_row, flat_row) = await one.pool.fetch("SELECT * FROM shopping ORDER BY master_type")
    assert dark_row["capture_words"] == "capture 20 darks of 60 s, gain 100, offset 50, -10 C (20 min)"
    assert (flat_row["lights"], flat_row["sessions"], flat_row["first_night"]) == (3, 1, NIGHT)


async def test_a_master_that_comes_later_turns_missing_into_matched(one: World) -> None:
    """The answer is another one, under revision 2; a further look changes and tells nothing."""
    await one.bring(sub("l"), flat("f"))
    await one.bring(dark("d"))
    assert await one.requirements("state", "master_file_id", "revision") == [
        ("matched", file_id("d"), 2), ("matched", file_id("f"), 1),
    ]  # fmt: skip
    assert sorted(await one.told(), key=repr) == [
        ("matched", 1, file_id("f")), ("matched", 2, file_id("d")), ("missing", 1, None),
    ]  # fmt: skip
    await one.commands.check(CheckCalibration())
    await one.matcher.turn()
    assert len(await one.told()) == 3
    assert await one.pool.fetchval("SELECT lights_matched FROM counts") == 1


async def test_a_refused_master_is_withdrawn(one: World) -> None:
    """Refused by its pixels or by a person, a master is used no more; allowed again it is, each time as a revision."""
    await one.bring(sub("l"), flat("f"), dark("d"))
    async with transaction(one.pool) as connection:
        await lock(connection)
        assert await masters.refuse(connection, file_id("d"), "sanity", "99 % of its pixels are negative")
        assert not await masters.refuse(connection, file_id("d"), "sanity", "99 % of its pixels are negative")
    await one.matcher.turn()
    ((state, why),) = (await one.requirements("state", "explanation"))[:1]
    assert state == "missing"
    assert "99 % of its pixels are negative" in why
    async with transaction(one.pool) as connection:
        await lock(connection)
        assert await masters.allow(connection, file_id("d"), "sanity")
    await one.matcher.turn()
    assert (await one.commands.refuse(RefuseMaster(file_id=file_id("d"), reason="light leak"))).changed
    await one.matcher.turn()
    assert await one.pool.fetchval("SELECT refused FROM masters WHERE name = 'd.fits'") == "light leak"
    assert (await one.commands.refuse(RefuseMaster(file_id=file_id("d"), undo=True))).changed
    await one.matcher.turn()
    of_dark = [row for row in await one.told() if row[2] != file_id("f")]
    assert kinds(of_dark) == [("matched", 1), ("missing", 2), ("matched", 3), ("missing", 4), ("matched", 5)]


async def test_a_removed_master_is_withdrawn(one: World) -> None:
    """A master that is forgotten meets nothing any more."""
    await one.bring(sub("l"), dark("d"))
    await one.bring(removed("d"))
    assert await one.requirements("state", "revision") == [("missing", 2), ("missing", 1)]


async def test_a_person_pins_a_master_and_takes_it_back(one: World) -> None:
    """A pinned master goes before a newer one, also for later lights; unpinned, the newest counts again."""
    await one.bring(sub("l"), dark("old"), dark("new", observed_at=ARRIVED + timedelta(days=9)))
    assert (await one.requirements("master_file_id", "others"))[0] == (file_id("new"), 1)
    command = AssignMaster(session_id=SESSION, master_file_id=file_id("old"), person="Ada")
    wanted = (await requirement(one),)
    assert (await one.commands.assign(command)).requirement_ids == wanted
    await one.matcher.turn()
    await one.bring(sub("l2", start_s=60.0))
    assert (await one.requirements("master_file_id", "is_pinned", "lights"))[0] == (file_id("old"), True, 2)
    assert (await one.commands.unassign(UnassignMaster(session_id=SESSION))).requirement_ids == wanted
    await one.matcher.turn()
    await one.commands.assign(command)  # the same request again
    await one.matcher.turn()
    assert (await one.requirements("master_file_id", "is_pinned"))[0] == (file_id("new"), False)


async def test_decisions_that_make_no_sense_are_refused_in_a_sentence(one: World) -> None:
    """A master of another type, a frame that is none, a session without such a need, nothing to take back."""
    await one.bring(sub("l"), dark("d"), flat("f"), scanned("raw", frame_type="DARK"))
    wanted = await requirement(one)
    for command, words in (
        (AssignMaster(session_id=SESSION, master_file_id=file_id("raw")), "is no master but a DARK"),
        (AssignMaster(session_id=SESSION, master_file_id=file_id("none")), "is no master but no calibration frame"),
        (AssignMaster(session_id=SESSION, master_file_id=file_id("f"), requirement_id=wanted), "is a master flat"),
        (AssignMaster(session_id=SESSION, master_file_id=file_id("f"), requirement_id="x"), "has no requirement x"),
        (AssignMaster(session_id="20240302_00000000", master_file_id=file_id("f")), "it has none of this type"),
    ):
        with pytest.raises(UserError, match=words):
            await one.commands.assign(command)
    with pytest.raises(UserError, match="nobody chose a master"):
        await one.commands.unassign(UnassignMaster(session_id=SESSION))
    with pytest.raises(UserError, match="there is no rig C8"):
        await one.commands.train_changed(RecordTrainChange(rig="C8", changed_on=NIGHT))
    with pytest.raises(UserError, match="there is no calibration frame"):
        await one.commands.describe(DescribeFrame(file_id=file_id("l")))
    with pytest.raises(UserError, match="say why"):
        await one.commands.refuse(RefuseMaster(file_id=file_id("d")))
    with pytest.raises(UserError, match="needs a x"):
        await one.questions.explain(ExplainRequirements(session_id=SESSION, requirement_id="x"))


async def test_a_session_that_is_known_later_is_waited_for(one: World) -> None:
    """A light that stats has not counted yet is counted as waiting, and answered once its session is known."""
    await one.note(sub("l"))
    await one.matcher.turn()
    assert await one.requirements("state") == []
    counts = await one.pool.fetchrow("SELECT lights, lights_waiting FROM counts")
    assert tuple(counts or ()) == (1, 1)
    await one.count(sub("l"))
    await one.matcher.turn()
    assert await one.requirements("session_id", "state") == [(SESSION, "missing")] * 2
    assert await one.pool.fetchval("SELECT lights_waiting FROM counts") == 0


async def test_a_light_whose_session_changes_moves(one: World) -> None:
    """A light that is read anew as of another night leaves its session, though stats may read that before or after."""
    await one.bring(sub("l"), sub("stays", start_s=60.0))
    again = sub("l", revision=2, **night_after(1))
    await one.note(again)
    await one.matcher.turn()
    assert {row[0] for row in await one.requirements("session_id")} == {SESSION}
    await one.count(again)
    await one.matcher.turn()
    assert {row[0] for row in await one.requirements("left(session_id, 8)")} == {"20240301", "20240302"}
    assert {row[0] for row in await one.requirements("lights")} == {1}
    assert len(await one.requirements("session_id")) == 4
    first = sub("stays", revision=2, start_s=60.0, night=NIGHT + timedelta(days=2))
    await one.count(first)
    await one.matcher.turn()
    await one.note(first)
    await one.matcher.turn()
    assert {row[0] for row in await one.requirements("left(session_id, 8)")} == {"20240302", "20240303"}


async def test_a_session_that_stats_changes_by_itself_is_found_by_the_daily_look(one: World) -> None:
    """A light is moved to the session that stats tells, whenever everything is matched anew."""
    await one.bring(sub("l"))
    other = "20240301_0A0A0A0A"
    await one.stats.execute("UPDATE frame SET session_id = $1", other)
    await one.matcher.turn()
    assert {row[0] for row in await one.requirements("session_id")} == {SESSION}
    await one.pool.execute("UPDATE evaluation SET evaluated_at = evaluated_at - interval '25 hours'")
    await one.matcher.turn()
    assert {row[0] for row in await one.requirements("session_id")} == {other}


async def test_a_requirement_that_comes_back_goes_on_with_its_revisions(one: World) -> None:
    """Its lights forgotten, a requirement is none; with new lights it is told under a revision of its own."""
    await one.bring(sub("l"))
    await one.bring(removed("l"))
    assert await one.requirements("state") == []
    await one.bring(dark("d"))
    await one.bring(sub("l2", start_s=60.0))
    assert await one.requirements("state", "revision") == [("matched", 2), ("missing", 1)]


async def test_a_person_supplies_what_a_header_lost(one: World) -> None:
    """A dark without exposure fits once a person says it, keeps that over a new scan, and not when it is taken back."""
    await one.bring(sub("l"), dark("d", exposure_s=None))
    assert (await one.requirements("state"))[0] == ("missing",)
    told = await one.commands.describe(DescribeFrame(file_id=file_id("d"), supplied=Supplied(exposure_s=60.0)))
    assert told.supplied == Supplied(exposure_s=60.0)
    await one.bring(dark("d", exposure_s=None, revision=2))
    assert (await one.requirements("state"))[0] == ("matched",)
    told = await one.commands.describe(DescribeFrame(file_id=file_id("d"), withdrawn=("exposure_s",)))
    assert told.supplied == Supplied()
    await one.matcher.turn()
    assert (await one.requirements("state"))[0] == ("missing",)


async def test_no_flat_is_used_across_a_change_of_the_train(one: World) -> None:
    """A flat of the night before a recorded change fits no more; taken back, it does again."""
    await one.bring(sub("l", **night_after(1)), flat("f"))
    change = RecordTrainChange(rig=RIG, changed_on=NIGHT + timedelta(days=1))
    assert (await one.commands.train_changed(change)).changed
    await one.matcher.turn()
    (why,) = [row for row in await one.requirements("master_type", "state", "explanation") if row[0] == "MASTER_FLAT"]
    assert why[1] == "missing"
    assert "2024-03-02" in why[2]
    assert (await one.commands.train_changed(change.model_copy(update={"undo": True}))).changed is False
    undo = RecordTrainChange(rig=RIG, changed_on=NIGHT + timedelta(days=1), undo=True)
    assert (await one.commands.train_changed(undo)).changed
    await one.matcher.turn()
    assert (await one.requirements("state"))[1] == ("matched",)


async def test_other_rules_match_everything_anew(one: World, database: PostgresSettings) -> None:
    """Settings that changed while the service was off count for what was answered before."""
    await one.bring(sub("l"), dark("d", set_temp_c=-15.0))
    assert (await one.requirements("state"))[0] == ("missing",)
    wider = AllSettings(postgres=database).model_copy(
        update={"calibration": CalibrationSettings(temperature_tolerance_c=6.0)}
    )
    async with opened(database, wider) as later:
        await later.matcher.turn()
        assert (await later.requirements("state"))[0] == ("matched",)


async def test_what_needs_no_master_is_complete(one: World) -> None:
    """A Seestar's lights are counted as complete, and nothing is told of them."""
    await one.bring(sub("s", camera="Seestar S50", rig="Seestar S50", telescope=None))
    counts = await one.pool.fetchrow("SELECT lights, lights_complete FROM counts")
    assert tuple(counts or ()) == (1, 1)
    assert await one.told() == []


async def test_pages_end_where_one_page_would(one: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """With pages of two rows everything is found, derived and answered as well."""
    monkeypatch.setattr(matcher, "PAGE", 2)
    events = [sub(f"l{n}", start_s=60.0 * n, filter=f"F{n % 5}") for n in range(11)]
    await one.count(events)
    await one.note(events)
    await one.matcher.turn()
    await one.note([dark("d"), *(flat(f"f{n}", filter=f"F{n}") for n in range(5))])
    await one.matcher.turn()
    assert [row[0] for row in await one.requirements("state")] == ["matched"] * 6
    assert await one.pool.fetchval("SELECT lights_matched FROM counts") == 11


async def test_a_requirement_that_cannot_be_answered_holds_up_no_other(
    one: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What raises stands alone, with the reason as its explanation; it is tried again when something changes."""

    def answers(needs, *rest):  # type: ignore[no-untyped-def]
        if any(need.requirement_id.startswith("flat") for need in needs):
            raise ValueError("no calendar has this night")
        return really(needs, *rest)

    monkeypatch.setattr(matcher, "answers", answers)
    await one.bring(sub("l"), dark("d"))
    assert await one.requirements("state", "explanation") == [
        ("matched", (await one.requirements("explanation"))[0][0]),
        ("waiting", "this cannot be answered: no calendar has this night"),
    ]
    monkeypatch.setattr(matcher, "answers", really)
    await one.bring(flat("f"))
    assert (await one.requirements("state"))[1] == ("matched",)


async def test_an_answer_explains_itself_beside_others(one: World) -> None:
    """`calibration why` is told the answer, where the rules come from, and the masters that come nearest."""
    await one.bring(sub("l"), dark("near", set_temp_c=-4.0), dark("far", exposure_s=30.0, gain=0.0))
    found = (await one.questions.explain(ExplainRequirements(session_id=SESSION))).requirements
    assert [(one.master_type, one.state, one.lights) for one in found] == [
        ("MASTER_DARK", "missing", 1), ("MASTER_FLAT", "missing", 1),
    ]  # fmt: skip
    assert [(one.name, one.fits) for one in found[0].alternatives] == [("near.fits", False), ("far.fits", False)]
    assert "6" in found[0].alternatives[0].sentence
    assert found[0].capture == "capture 20 darks of 60 s, gain 100, offset 50, -10 C (20 min)"
