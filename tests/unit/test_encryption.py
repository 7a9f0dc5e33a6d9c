"""Which connections leave this machine, and what is wanted of them."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.encryption import context_of, stays_here
from shared.errors import UserError
from shared.settings import NatsSettings, PostgresSettings
from tests.certificates import Authority


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "LOCALHOST.", "::1", "[::1]", "/run/pg", ""])
def test_loopback_and_sockets_stay_here(host: str) -> None:
    """What never leaves the machine may go without TLS."""
    assert stays_here(host)
    assert not PostgresSettings(host=host).demands_tls


@pytest.mark.parametrize("host", ["nats", "db.lan", "192.168.1.5", "localhost.example.org", "127.0.0.1.example", "::"])
def test_everything_else_is_another_machine(host: str) -> None:
    """A name that is not known to be loopback counts as another machine, whatever it may resolve to."""
    assert not stays_here(host)
    assert PostgresSettings(host=host).demands_tls
    assert not PostgresSettings(host=host, unencrypted=True).demands_tls
    nats = NatsSettings(url=f"nats://[{host}]:4222" if ":" in host else f"nats://{host}:4222")
    assert nats.demands_tls(nats.host)
    assert not nats.model_copy(update={"unencrypted": True}).demands_tls(nats.host)


def test_on_loopback_tls_is_had_by_asking_for_it() -> None:
    """An authority, or tls:// in the address, demands TLS of a server on this machine too."""
    here = "127.0.0.1"
    assert not NatsSettings().demands_tls(here)
    assert NatsSettings(url="tls://127.0.0.1:4222").demands_tls(here)
    assert NatsSettings(ca_file=Path("/ca.pem")).demands_tls(here)
    assert PostgresSettings(ca_file=Path("/ca.pem")).demands_tls


def test_a_host_that_another_server_named_is_trusted_no_more_than_that() -> None:
    """A remote NATS tells of more servers before it encrypts: a port of this machine among them hears no password."""
    away = NatsSettings(url="nats://nats.lan:4222")
    assert away.demands_tls("127.0.0.1")
    assert away.demands_tls("")
    both = NatsSettings(url="nats://localhost:4222,nats://nats.lan:4222")
    assert not both.demands_tls("localhost")
    assert both.demands_tls("127.0.0.1")
    assert not NatsSettings(url="nats://localhost:4222").demands_tls("127.0.0.1"), "all of it is here"


@pytest.mark.parametrize(
    ("url", "host"),
    [("nats://a.b:4222", "a.b"), ("c:4222", "c"), ("nats://me:word@d:1", "d"), ("tls://[::1]:1", "::1")],
)
def test_the_host_is_taken_from_any_address(url: str, host: str) -> None:
    """With and without scheme, port and login."""
    assert NatsSettings(url=url).host == host
    assert "word" not in NatsSettings(url=url).place


def test_two_wishes_that_contradict_each_other_are_refused() -> None:
    """Whoever names an authority and allows plain text is told, and not obeyed by halves."""
    with pytest.raises(ValidationError, match="unencrypted says that TLS may be left out"):
        NatsSettings(unencrypted=True, ca_file=Path("/ca.pem"))
    with pytest.raises(ValidationError, match="unencrypted says that TLS may be left out"):
        NatsSettings(unencrypted=True, url="tls://nats:4222")
    with pytest.raises(ValidationError, match="unencrypted says that TLS may be left out"):
        PostgresSettings(unencrypted=True, ca_file=Path("/ca.pem"))


def test_certificates_that_cannot_be_used_are_told(tmp_path: Path) -> None:
    """A file that is missing, or holds something else, is named with its setting."""
    with pytest.raises(UserError, match=r"certificates in .*none.pem \(setting nats.ca_file\) cannot be read: No"):
        context_of(tmp_path / "none.pem", "nats.ca_file")
    (tmp_path / "text.pem").write_text("not a certificate\n")
    with pytest.raises(UserError, match=r"text.pem \(setting postgres.ca_file\) holds no certificate in PEM form"):
        context_of(tmp_path / "text.pem", "postgres.ca_file")
    assert context_of(Authority(tmp_path).file, "nats.ca_file").check_hostname


def test_programs_of_postgres_encrypt_as_we_do(tmp_path: Path) -> None:
    """pg_dump and psql get the same demand: the name is checked, by the same authority."""
    assert PostgresSettings().libpq() == {}
    assert PostgresSettings(host="db", unencrypted=True).libpq() == {}
    own = PostgresSettings(host="db", ca_file=tmp_path / "ca.pem")
    assert own.libpq() == {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(tmp_path / "ca.pem")}
    assert PostgresSettings(host="db").libpq()["PGSSLMODE"] == "verify-full"


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"])
def test_a_password_that_cannot_be_read_is_told(tmp_path: Path, content: bytes | None) -> None:
    """A folder in its place, or bytes that are no text: one sentence, which whoever reconnects takes for an outage."""
    for name in ("nats-scanner", "scanner"):
        if content is None:
            (tmp_path / name).mkdir()
        else:
            (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match="the password of the NATS user scanner cannot be read"):
        NatsSettings(secrets_dir=tmp_path).login("scanner")
    with pytest.raises(UserError, match=r"password .*the Postgres role scanner"):
        PostgresSettings(secrets_dir=tmp_path).password_of("scanner")
