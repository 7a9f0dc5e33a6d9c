"""Packing events: what comes back is what was published, and nothing else comes back."""

import hashlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from services.scanner.reader import scanned_event
from shared.errors import NightbusError, Permanent
from shared.events.base import Event
from shared.events.file import HEADER_CARDS_LIMIT_BYTES, FileArrived, FileScanned
from shared.kept import codec, pack, pack_all, unpack
from tests.contract.examples import all_examples
from tests.contract.golden import GOLDEN
from tests.dictionary import events

RELEASED = {32_769: "1ed830ed8a6bcb37dbe47f0d22aa817e2159edf4be220635f4113db891f97980"}
"""SHA-256 of each dictionary that was handed out."""
AT = datetime(2026, 3, 1, tzinfo=UTC)


def of_corpus(corpus: Path) -> Iterator[FileScanned]:
    """The event of each file of the corpus that can be read."""
    for path in sorted(corpus.rglob("*")):
        relative = path.relative_to(corpus).as_posix()
        if path.is_file():
            arrived = FileArrived(
                file_id=hashlib.sha256(relative.encode()).hexdigest(), root="library", path=relative,
                root_path=str(corpus), size_bytes=path.stat().st_size, source="rig", origin=relative, arrived_at=AT,
            )  # fmt: skip
            try:
                yield scanned_event(arrived, corpus, measure_stars=False)
            except NightbusError:
                continue  # a file that is quarantined has no such event


def given_back(event: FileScanned) -> int:
    """Check that an event comes back as it was published; how many bytes are kept of it."""
    payload = event.model_dump_json(exclude_none=True).encode()
    packed = pack(payload)
    assert unpack(packed) == payload
    again = FileScanned.model_validate_json(unpack(packed))
    assert again == event
    assert again.event_id == again.derive_id()
    return len(packed)


def test_every_event_of_the_contract_comes_back() -> None:
    """Examples and golden files of all events come back byte for byte."""
    examples = [one for one in all_examples().values() if isinstance(one, Event)]
    payloads = [one.model_dump_json().encode() for one in examples]
    payloads += [(GOLDEN / f"{one.subject}.json").read_bytes() for one in examples]
    assert len(payloads) > 20
    assert [unpack(pack(payload)) for payload in payloads] == payloads


def test_every_header_of_the_corpus_comes_back(corpus: Path) -> None:
    """Real headers, all cards in order, come back; programs that the dictionary never saw take a third at most."""
    events = list(of_corpus(corpus))
    assert len(events) > 90
    kept_bytes = sum(map(given_back, events))
    published_bytes = sum(len(event.model_dump_json(exclude_none=True)) for event in events)
    assert kept_bytes < published_bytes / 3


def test_events_of_common_programs_take_a_fifth() -> None:
    """Invented files of the programs that the dictionary knows, others than those it was made of."""
    found = list(events(random.Random(2), share=0.05))
    kept_bytes = sum(map(given_back, found))
    payloads = [event.model_dump_json(exclude_none=True).encode() for event in found]
    assert pack_all(payloads) == [pack(payload) for payload in payloads]
    assert pack_all([]) == []
    assert kept_bytes < sum(map(len, payloads)) / 5


def test_a_released_dictionary_is_never_changed() -> None:
    """What was packed years ago can be read: each dictionary is there, as it was, under its own id."""
    found = {int(path.stem): path.read_bytes() for path in codec.HERE.glob("*.zdict")}
    assert {number: hashlib.sha256(data).hexdigest() for number, data in found.items()} == RELEASED
    assert all(zstandard.ZstdCompressionDict(data).dict_id() == number for number, data in found.items())
    assert zstandard.get_frame_parameters(pack(b"{}")).dict_id == codec.DICTIONARY_ID


@given(st.binary(max_size=4096))
def test_any_bytes_come_back(payload: bytes) -> None:
    """Whatever the scanner publishes, or another program in its place."""
    assert unpack(pack(payload)) == payload


def test_the_longest_event_comes_back() -> None:
    """Header cards at their limit, of letters that do not repeat."""
    payload = random.Random(1).randbytes(2 * HEADER_CARDS_LIMIT_BYTES)
    assert unpack(pack(payload)) == payload


@pytest.mark.parametrize("declared", [True, False])
def test_no_more_comes_back_than_may(declared: bool) -> None:
    """A few bytes that would become very many are refused before they do, and so are those that do not say it."""
    bomb = zstandard.ZstdCompressor(level=19, write_content_size=declared).compressobj(
        size=64 * 1024**2 if declared else -1
    )
    packed = bomb.compress(bytes(64 * 1024**2)) + bomb.flush()
    assert len(packed) < 10_000
    with pytest.raises(Permanent, match="longer than 8388608 bytes"):
        unpack(packed)
    for too_long in (lambda: pack(bytes(codec.MOST_BYTES + 1)), lambda: pack_all([b"{}", bytes(codec.MOST_BYTES + 1)])):
        with pytest.raises(Permanent, match="too long to be kept"):
            too_long()


def test_damage_is_noticed() -> None:
    """With any one byte changed, or any end missing, there is a reason and never another event."""
    payload = (GOLDEN / "file.scanned.json").read_bytes()
    packed = pack(payload)
    for place in range(len(packed)):
        damaged = bytearray(packed)
        damaged[place] ^= 0x5A
        for wrong in (bytes(damaged), packed[:place]):
            try:
                assert unpack(wrong) == payload
            except Permanent as error:
                assert "kept event" in str(error)  # noqa: PT017 - a change of an unused bit is no damage


def test_an_event_of_a_later_version_is_refused_in_a_sentence() -> None:
    """Without the dictionary that an event was packed with, that is said."""
    later = codec.HERE.joinpath("32769.zdict").read_bytes()
    later = later[:4] + (40_000).to_bytes(4, "little") + later[8:]
    packed = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(later)).compress(b"{}")
    with pytest.raises(Permanent, match="needs the dictionary 40000, which this version does not have"):
        unpack(packed)


def test_threads_pack_side_by_side() -> None:
    """Each thread has contexts of its own."""
    payloads = [f'{{"n": {n}, "header_cards": ["SIMPLE  =                    T"]}}'.encode() * 20 for n in range(400)]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda payload: unpack(pack(payload)), payloads)) == payloads
