"""Who may log in to NATS, from a folder of passwords in which not all is as it should be."""

from pathlib import Path

import pytest
from structlog.testing import capture_logs

from services.standalone import logins as logins_module
from services.standalone.home import password_in
from services.standalone.logins import forget_subscriber, logins, subscribers_in, write_users_file
from services.standalone.passwords import USERS
from shared.bus.names import subscriber_user
from shared.settings.servers import nats_password_file


def subscribe(folder: Path, name: str) -> Path:
    """Make the password of a subscriber; its file."""
    password_in(folder, nats_password_file(subscriber_user(name)))
    return folder / nats_password_file(subscriber_user(name))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe"])
def test_a_subscriber_whose_file_is_spoilt_locks_nobody_out(tmp_path: Path, content: bytes) -> None:
    """Half a file of one program keeps neither services nor other programs from logging in, and is told."""
    subscribe(tmp_path, "lights")
    subscribe(tmp_path, "other").write_bytes(content)
    with capture_logs() as said:
        users = logins(tmp_path, USERS)
    assert "user: subscriber-lights\n" in users
    assert "user: subscriber-other\n" not in users
    assert all(f"user: {user.name}\n" in users for user in USERS)
    assert [line["file"] for line in said] == [str(tmp_path / "nats-subscriber-other")]


@pytest.mark.parametrize("name", ["lights~", "lights.bak", ".lights", "Lights", "a--b", "lights\nx", "x" * 41])
def test_a_copy_that_an_editor_left_is_no_subscriber(tmp_path: Path, name: str) -> None:
    """A file whose name no subscriber can have is passed over."""
    subscribe(tmp_path, "lights")
    (tmp_path / f"nats-subscriber-{name}").write_text("word\n")
    assert subscribers_in(tmp_path) == ("lights",)
    assert logins(tmp_path, USERS).count("user: subscriber-") == 1


def test_who_is_revoked_while_the_users_are_written_stays_revoked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The password is taken away after the folder was looked at: nobody makes it anew."""
    file = subscribe(tmp_path, "lights")
    found = subscribers_in(tmp_path)
    monkeypatch.setattr(logins_module, "subscribers_in", lambda _folder: found)
    assert forget_subscriber(tmp_path, "lights")
    users = write_users_file(tmp_path, USERS).read_text()
    assert "subscriber-lights" not in users
    assert not file.exists()
    assert not [left for left in tmp_path.iterdir() if "lights" in left.name]
