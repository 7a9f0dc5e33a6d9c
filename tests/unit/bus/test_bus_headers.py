"""Headers of messages."""

from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client

from shared.bus.pull import Headers

NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,30}", fullmatch=True)
VALUES = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=60)


@given(st.dictionaries(NAMES, VALUES, max_size=12))
def test_headers_are_read_as_nats_py_reads_them(headers: dict[str, str]) -> None:
    """Whatever a publisher may send as headers, our reading of it is the client library's."""
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n"
    assert Headers(raw) == Client._parse_header_lines(raw)


def test_damaged_header_lines_do_not_stop_a_message() -> None:
    """A line without a colon is left out, bytes that are not UTF-8 are replaced, spaces around a value are dropped."""
    raw = b"ce-id:1\r\nno colon\r\nce-type: \t file.scanned \r\nce-source: caf\xe9\r\n\r\n"
    assert Headers(raw) == {"ce-id": "1", "ce-type": "file.scanned", "ce-source": "caf\ufffd"}
    assert Headers(raw) == Client._parse_header_lines(raw)


async def test_the_client_library_takes_headers_that_nobody_read() -> None:
    """Statuses with headers, plain headers and none, as nats-py processes what a server sends."""
    client = Client()
    client._parse_header_lines = Headers  # type: ignore[assignment,method-assign]
    heartbeat = await client._process_headers(b"NATS/1.0 100 Idle Heartbeat\r\nNats-Last-Consumer: 7\r\n\r\n")
    assert heartbeat == {"Status": "100", "Description": "Idle Heartbeat", "Nats-Last-Consumer": "7"}
    assert await client._process_headers(b"NATS/1.0 404 No Messages\r\n\r\n") == {
        "Status": "404",
        "Description": "No Messages",
    }
    plain = await client._process_headers(b"NATS/1.0\r\nce-id: 1\r\n\r\n")
    assert plain
    assert (plain.get("ce-id"), plain.get("Status"), dict(plain)) == ("1", None, {"ce-id": "1"})
    assert str(plain) == "{'ce-id': '1'}"
    assert await client._process_headers(b"") is None
