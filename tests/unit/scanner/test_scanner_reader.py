"""The reader's messages and answers: every failure becomes one sentence, and events stay within their limits."""

import io
import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scanner import reader
from services.scanner.messages import LENGTH
from services.scanner.reader import answer_to, read_message, scanned_event
from shared.errors import Away, Permanent, Transient
from shared.events.file import HEADER_CARDS_LIMIT_BYTES, FileArrived, FileScanned


def fits(*cards: str) -> bytes:
    """A complete FITS file of four pixels."""
    shape = [("SIMPLE", "T"), ("BITPIX", 16), ("NAXIS", 2), ("NAXIS1", 2), ("NAXIS2", 2)]
    header = "".join(card.ljust(80) for card in (*(f"{key:<8}= {value:>20}" for key, value in shape), *cards, "END"))
    return header.encode().ljust(-(-len(header) // 2880) * 2880) + bytes(2880)


def arrived(path: Path, root: Path, /, **changes: object) -> FileArrived:
    """The arrival of a file."""
    facts = {
        "file_id": "a" * 64,
        "root": "tree",
        "path": path.relative_to(root).as_posix(),
        "root_path": str(root),
        "size_bytes": path.stat().st_size if path.exists() else 1,
        "source": "test",
        "origin": path.name,
        "arrived_at": datetime(2025, 1, 1, tzinfo=UTC),
    }
    return FileArrived.model_validate(facts | changes)


def request(event: FileArrived, root: Path) -> bytes:
    """The message that asks for a scan."""
    return (
        json.dumps({"root_path": str(root), "measure_stars": False}).encode() + b"\n" + event.model_dump_json().encode()
    )


def parts(reply: bytes) -> tuple[dict[str, str], bytes]:
    """First line and payload of an answer."""
    line, _, payload = reply.partition(b"\n")
    return json.loads(line), payload


def test_a_scan_carries_the_arrival_on(tmp_path: Path) -> None:
    """The event repeats identity, place and times of the arrival, and its id follows from all that it says."""
    path = tmp_path / "night" / "M31.fit"
    path.parent.mkdir()
    path.write_bytes(fits("OBJECT  = 'M 31'"))
    event = arrived(path, tmp_path, scan_revision=3)
    found = scanned_event(event, tmp_path, measure_stars=False)
    for name in ("file_id", "scan_revision", "root", "path", "size_bytes", "source", "arrived_at"):
        assert getattr(found, name) == getattr(event, name)
    assert found.frame.object_name == "M 31"
    again = scanned_event(event, tmp_path, measure_stars=False)
    assert (again.event_id, again.occurred_at > found.occurred_at) == (found.event_id, True)
    moved = arrived(path, tmp_path, scan_revision=3, root="elsewhere")
    assert scanned_event(moved, tmp_path, measure_stars=False).event_id != found.event_id
    later = arrived(path, tmp_path, scan_revision=4)
    assert scanned_event(later, tmp_path, measure_stars=False).event_id != found.event_id


def test_the_answer_is_the_event_and_its_headers(tmp_path: Path) -> None:
    """An answer holds the event's JSON, which is read back as it was, and the headers with its message id."""
    path = tmp_path / "a.fit"
    path.write_bytes(fits())
    answer, payload = parts(answer_to(request(arrived(path, tmp_path), tmp_path)))
    event = FileScanned.model_validate_json(payload)
    assert (answer["outcome"], answer["reason"], answer["detail"]) == ("scanned", "", "")
    assert answer["headers"]["Nats-Msg-Id"] == str(event.event_id) == str(event.derive_id())  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"dear diary", "x.fit: not a capture file: it is text that begins with 'dear diary'"),
        (b"\xac\xed\x00\x05sr", "x.fit: not a capture file: it is Java serialized objects"),
        (b"", "x.fit: not a capture file: the file is empty"),
        (bytes(5000), "x.fit: not a capture file: it begins with zero bytes"),
    ],
)
def test_what_is_no_capture_is_refused_by_name_and_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    """The sentence names the file and what it is instead; there is no event."""
    path = tmp_path / "x.fit"
    path.write_bytes(content)
    answer, payload = parts(answer_to(request(arrived(path, tmp_path), tmp_path)))
    assert (answer["outcome"], answer["reason"], payload) == ("permanent", reason, b"")


def test_what_may_pass_is_transient(tmp_path: Path) -> None:
    """A missing file and one that is no longer what arrived are tried again: it may just be moving."""
    path = tmp_path / "x.fit"
    (tmp_path / "another.fit").touch()
    with pytest.raises(Transient, match=r"x\.fit is not in .* any more: was it renamed or deleted?"):
        scanned_event(arrived(path, tmp_path), tmp_path, measure_stars=False)
    path.write_bytes(fits())
    with pytest.raises(Transient, match="has changed since it arrived: 5760 bytes, not 1"):
        scanned_event(arrived(path, tmp_path, size_bytes=1), tmp_path, measure_stars=False)


def test_a_root_that_is_away_is_told_from_a_file_that_is(tmp_path: Path) -> None:
    """A missing folder and an empty mount point are a root that is away; a file missing among others is not."""
    root = tmp_path / "disk"
    root.mkdir()
    path = root / "night" / "x.fit"
    event = arrived(path, root, size_bytes=1)
    for gone in (False, True):
        if gone:
            root.rmdir()
        with pytest.raises(Away, match=rf"^the root tree at {re.escape(str(root))} is away, and night/x.fit with it$"):
            scanned_event(event, root, measure_stars=False)
        answer, payload = parts(answer_to(request(event, root)))
        assert (answer["outcome"], payload) == ("away", b"")
    (root / "another night").mkdir(parents=True)
    with pytest.raises(Transient) as failure:
        scanned_event(event, root, measure_stars=False)
    assert not isinstance(failure.value, Away)


@pytest.mark.parametrize("path", ["../x.fit", "/etc/passwd", "a//b.fit", "."])
def test_no_path_leaves_its_root(tmp_path: Path, path: str) -> None:
    """An event whose path leads out of its root is refused for good."""
    with pytest.raises(Permanent, match="does not stay inside the root"):
        scanned_event(arrived(tmp_path / "x", tmp_path, path=path), tmp_path, measure_stars=False)


def test_faults_of_ours_are_answers_with_details(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected exception is told with its traceback and tried again; too little memory is the file's."""
    path = tmp_path / "x.fit"
    path.write_bytes(fits())

    def fails(error: Exception) -> dict[str, str]:
        def scan(*_args: object, **_options: object) -> None:
            raise error

        monkeypatch.setattr(reader, "scan_file", scan)
        return parts(answer_to(request(arrived(path, tmp_path), tmp_path)))[0]

    answer = fails(ZeroDivisionError("oops"))
    assert (answer["outcome"], answer["reason"]) == (
        "transient",
        "reading failed unexpectedly: ZeroDivisionError: oops",
    )
    assert "Traceback" in answer["detail"]
    assert fails(MemoryError())["outcome"] == "permanent"
    assert fails(OSError(5, "Input/output error"))["reason"] == "x.fit cannot be read now: Input/output error"
    garbage = parts(answer_to(b'{"root_path": "/", "measure_stars": false}\nnot json'))[0]
    assert garbage["outcome"] == "transient"


def test_long_headers_are_cut_with_a_note(tmp_path: Path) -> None:
    """Cards stay whole and in order up to the limit, what is left out is counted.

    And the event stays below 512 KiB even where every character needs an escape.
    """
    path = tmp_path / "x.fit"
    path.write_bytes(fits(*(f"COMMENT {number:04}" + '"\\' * 34 for number in range(6000))))
    found = scanned_event(arrived(path, tmp_path), tmp_path, measure_stars=False)
    kept = len(found.header_cards)
    assert 1500 < kept < 6000
    assert f"{6005 - kept} of 6005 header cards left out of the event" in found.problems
    assert [card[8:12] for card in found.header_cards[5:]] == [f"{number:04}" for number in range(kept - 5)]
    assert len(json.dumps(found.header_cards)) <= HEADER_CARDS_LIMIT_BYTES + 2 * kept
    assert len(found.model_dump_json(exclude_none=True)) < 512 * 1024


@given(st.lists(st.binary(max_size=300), max_size=5), st.integers(min_value=1, max_value=4))
def test_messages_survive_the_pipe(bodies: list[bytes], cut: int) -> None:
    """Messages are read back one by one; a stream that ends inside one gives none instead of half of it."""
    stream = b"".join(LENGTH.pack(len(body)) + body for body in bodies)
    whole = io.BytesIO(stream)
    assert [read_message(whole) for _ in bodies] == bodies
    assert read_message(whole) is None
    if bodies:
        short = io.BytesIO(stream[:-cut])
        read = [read_message(short) for _ in bodies]
        assert read[-1] is None or len(bodies[-1]) == 0 or cut > len(bodies[-1]) + LENGTH.size
