"""Rot at a destination: whatever becomes of an object is found, with the members that it touches."""

import random
from pathlib import Path
from uuid import uuid4

import pytest

from services.backup.destinations.port import Label, Refused
from services.backup.proof.examine import begins_with, damaged, examine
from services.backup.proof.sent import Sent, SentRange
from services.backup.proof.touched import touched, touching
from shared.errors import Transient
from tests.archived import Made, archive, contents
from tests.memory_destination import MemoryDestination
from tests.rot import KINDS, Kind, spoil


def sent_of(made: Made) -> Sent:
    """An archive as the database knows it."""
    parts, start = [], 0
    for part in made.parts:
        parts.append(SentRange(start, part.size_bytes, part.md5, part.sha256))
        start = parts[-1].end
    return Sent(uuid4(), "memory", made.manifest.collection_id, made.key, start, None, tuple(parts))


async def found(destination: MemoryDestination, made: Made) -> set[str]:
    """The members that a deep look finds touched; all of an archive that is gone."""
    sent = sent_of(made)
    seen = await examine(destination, sent, lambda _count: None, deep=True)
    if seen.missing:
        return {copy.member for copy in made.copies}
    reasons = await damaged(destination, touching(made.copies, seen.differing), lambda _count: None)
    assert (seen.problem is None) is (not seen.differing)
    return {copy.member for copy in touched(made.copies, seen.differing, reasons.keys())}


@pytest.mark.parametrize("packing", ["zstd", "none"])
@pytest.mark.parametrize("kind", KINDS)
async def test_rot_is_found_with_what_it_touches(tmp_path: Path, kind: Kind, packing: str) -> None:
    """Flips, cuts, deletions and swaps are all found, and every member that they touch is named; sound ones are not.

    What a flip leaves readable lies between members, so that all of its part count.
    """
    draw = random.Random(f"{kind} {packing}")
    exact = 0
    for turn in range(12):
        destination = MemoryDestination()
        made = []
        for n in range(2):
            files, session = contents(20, seed=turn * 2 + n), f"20260110_0000000{n}"
            made.append(await archive(destination, files, tmp_path, session=session, kind=packing))
        assert [await found(destination, one) for one in made] == [set(), set()]
        members = {one.key: one.copies for one in made}
        objects = destination.objects

        def write(key: str, data: bytes | None, objects: dict[str, bytes] = objects) -> None:
            if data is None:
                del objects[key]
            else:
                objects[key] = data

        for rot in spoil(draw, kind, [one.key for one in made], members, objects.__getitem__, write):
            (one,) = (one for one in made if one.key == rot.key)
            names = await found(destination, one)
            assert names >= rot.touches, rot
            if names != rot.touches:
                part = next(part for part in sent_of(one).parts if part.start <= rot.at < part.end)
                assert rot.kind in ("flip", "cut")
                assert names - rot.touches <= {copy.member for copy in touching(one.copies, [part])}
            exact += names == rot.touches
    assert exact >= (12 if packing == "zstd" else 6)


async def test_a_quick_look_sees_sizes_and_etags(tmp_path: Path) -> None:
    """Without reading it is seen that an archive is there and how long it is; another size has all of it read."""
    destination = MemoryDestination()
    made = await archive(destination, contents(20), tmp_path)
    sent = sent_of(made)
    destination.calls.clear()
    assert (await examine(destination, sent, lambda _count: None, deep=False)).problem is None
    assert [call for call, _key in destination.calls] == ["look"]
    destination.objects[made.key] = made.stored[:-1] + bytes([made.stored[-1] ^ 1])
    assert (await examine(destination, sent, lambda _count: None, deep=False)).problem is None
    destination.objects[made.key] += b"x"
    seen = await examine(destination, sent, lambda _count: None, deep=False)
    assert (seen.was_read, "bytes long" in (seen.problem or "")) == (True, True)


@pytest.mark.parametrize(
    ("given", "told", "may"),
    [
        (None, "0" * 32, True),
        ("1" * 32, None, True),
        ("1" * 32, "1" * 32, True),
        ("1" * 32, "2" * 32, False),
        ("1" * 32 + "-2", "2" * 32 + "-2", False),
        ("an id of the server", "another id", True),
    ],
)
def test_etags_are_compared_where_they_are_sums(given: str | None, told: str | None, may: bool) -> None:
    """An ETag proves something only where both are MD5s."""
    assert Sent(uuid4(), "memory", "s", "k", 1, given, ()).may_have_etag(told) is may


async def test_what_was_wrong_on_the_way_only_is_no_damage(tmp_path: Path) -> None:
    """A part that reads wrong once and right again is sound."""
    destination = MemoryDestination()
    made = await archive(destination, contents(20), tmp_path)
    good, reads = destination.objects[made.key], 0

    def spoil_once(call: str, _key: str) -> None:
        nonlocal reads
        reads += call == "read"
        destination.objects[made.key] = b"\0" + good[1:] if reads == 1 else good

    destination.before = spoil_once
    seen = await examine(destination, sent_of(made), lambda _count: None, deep=True)
    assert (seen.problem, seen.was_read, reads) == (None, True, 2)


async def test_whose_bytes_lie_there_is_known(tmp_path: Path) -> None:
    """The first part of another archive tells that its bytes lie under this key."""
    destination = MemoryDestination()
    one = await archive(destination, contents(20, seed=1), tmp_path, session="20260110_00000001")
    two = await archive(destination, contents(20, seed=2), tmp_path, session="20260110_00000002")
    destination.objects[one.key] = destination.objects[two.key]
    assert await begins_with(destination, one.key, sent_of(two).parts[0])
    assert not await begins_with(destination, one.key, sent_of(one).parts[0])


async def test_a_destination_that_is_away_has_no_damage(tmp_path: Path) -> None:
    """What cannot be asked is raised, and is no finding."""
    destination = MemoryDestination()
    made = await archive(destination, contents(5), tmp_path)
    destination.is_away = True
    with pytest.raises(Transient):
        await examine(destination, sent_of(made), lambda _count: None, deep=True)


async def test_what_is_frozen_is_not_read_and_is_no_damage(tmp_path: Path) -> None:
    """An archive that has to be thawed first is said to be so, by class; a refusal otherwise is raised."""
    destination = MemoryDestination()
    made = await archive(destination, contents(5), tmp_path)

    def refuse(call: str, _key: str) -> None:
        if call == "read":
            raise Refused("the key may not read")

    destination.before = refuse
    with pytest.raises(Refused):
        await examine(destination, sent_of(made), lambda _count: None, deep=True)
    destination.labels[made.key] = Label(storage_class="DEEP_ARCHIVE")
    destination.frost[made.key] = "thawing"
    seen = await examine(destination, sent_of(made), lambda _count: None, deep=True)
    assert (seen.frozen_in, seen.was_read, seen.problem) == ("DEEP_ARCHIVE", False, None)
