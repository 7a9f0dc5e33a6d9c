"""The home folder: who may read it, who may use it, and what it keeps."""

import os
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from services.standalone.accounts import Account, service_account
from services.standalone.home import Home, closed_above
from shared.errors import UserError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
REPOSITORY = Path(__file__).resolve().parents[3]


def mode_of(path: Path) -> int:
    """The permission bits."""
    return stat.S_IMODE(path.stat().st_mode)


def test_given_path_wins_over_the_environment_and_that_over_the_default(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The home is the path given, else NIGHTBUS_HOME, else the place that suits the user."""
    monkeypatch.setenv("NIGHTBUS_HOME", str(tmp_path / "from-environment"))
    assert Home.resolve(tmp_path / "given") == tmp_path / "given"
    assert Home.resolve() == tmp_path / "from-environment"
    monkeypatch.delenv("NIGHTBUS_HOME")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Home.resolve() == Path("/var/lib/nightbus")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    assert Home.resolve() == tmp_path / "data" / "nightbus"
    monkeypatch.setenv("XDG_DATA_HOME", "relative/is/ignored")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Home.resolve() == tmp_path / ".local" / "share" / "nightbus"


def test_nobody_else_can_list_or_read_a_home(home_folder: Path) -> None:
    """No folder of the home can be listed by others, and a secret can be read by its owner alone."""
    with Home.open(home_folder) as home:
        home.secret("reader")
        assert mode_of(home.path) == 0o711
        for folder in (home.path, home.postgres, home.nats, home.log, home.run, home.secrets, home.bin):
            assert mode_of(folder) & 0o066 == 0, folder
        assert mode_of(home.secrets) == 0o700
        assert mode_of(home.secrets / "reader") == 0o600
        assert mode_of(home.path / "nightbus.lock") == 0o600


_FILL = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from services.standalone.readablelog import ReadableLog
from services.standalone.home import Home
os.setgroups([]); os.setresgid(*[int(sys.argv[3])] * 3); os.setresuid(*[int(sys.argv[3])] * 3)
os.umask(0o022)
home = Path(sys.argv[2])
for old in ("nightbus.lock", "log/nightbus.log", "run/ports.json", "previews/ab/a.jpg"):  # as versions before left them
    (home / old).parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    (home / old).touch(mode=0o644)
home.chmod(0o700)
with Home.open(home) as opened, ReadableLog(opened.log / "nightbus.log", terminal=False) as log:
    opened.secret("reader")
    opened.port("nats")
    log.line("up", "a header")
    for private in ("dead-letters/a.json", "previews/b.jpg", "log/ingest.log"):
        (home / private).touch(mode=0o644)
    (home / "library" / "M31").mkdir(parents=True)
    (home / "library" / "M31" / "a.fit").touch(mode=0o644)
"""
_WALK = """
import os, sys
os.setgroups([]); os.setresgid(65534, 65534, 65534); os.setresuid(65534, 65534, 65534)
for path in sys.stdin.read().splitlines():
    try:
        os.listdir(path) if os.path.isdir(path) else open(path).close()
    except PermissionError:
        continue
    print(path)
"""


@as_root
@pytest.mark.parametrize("owner", [0, 12345])
def test_another_user_reads_the_library_and_nothing_else(home_folder: Path, owner: int) -> None:
    """Samba, or another account, gets to the default library; a home of an earlier version is so after its next start.

    As another user every path of the home is tried, whether it can be found or not.
    """
    home_folder.chmod(0o755)
    home = home_folder / "home"
    home.mkdir()
    os.chown(home, owner, owner)
    subprocess.run([sys.executable, "-c", _FILL, str(REPOSITORY), str(home), str(owner)], check=True)
    paths = [home, *sorted(home.rglob("*"))]
    assert len(paths) > 20
    walked = subprocess.run(
        [sys.executable, "-c", _WALK], input="\n".join(map(str, paths)), capture_output=True, text=True, check=True
    )
    library = home / "library"
    assert walked.stdout.splitlines() == [str(path) for path in (library, library / "M31", library / "M31" / "a.fit")]
    assert mode_of(home) == 0o711
    assert all(mode_of(home / name) == 0o600 for name in ("nightbus.lock", "run/ports.json", "log/nightbus.log"))


def test_a_closed_folder_above_a_home_is_known(home_folder: Path) -> None:
    """Where a folder above lets nobody in, nothing can be done below it: `up` names that folder."""
    home_folder.chmod(0o700)
    assert closed_above(home_folder / "home") == home_folder
    home_folder.chmod(0o711)
    assert closed_above(home_folder / "home") is None


def test_a_secret_is_made_once_and_differs_by_name(home_folder: Path) -> None:
    """Every name has its own random password, the same after the home is opened again."""
    with Home.open(home_folder) as home:
        first, other = home.secret("stats"), home.secret("ingest")
        assert len(first) == 32
        assert first != other
    with Home.open(home_folder) as home:
        assert home.secret("stats") == first


@pytest.mark.parametrize("name", ["../escape", "", "a/b", ".hidden", "A"])
def test_a_secret_name_cannot_leave_its_folder(home_folder: Path, name: str) -> None:
    """Only plain lower-case names are names of secrets."""
    with Home.open(home_folder) as home, pytest.raises(ValueError, match="not a name"):
        home.secret(name)


def test_a_second_up_on_one_home_is_refused_and_told_the_process(home_folder: Path) -> None:
    """While a home is open, opening it again is refused with the holder's process id; closing frees it."""
    with Home.open(home_folder):
        with pytest.raises(UserError, match=rf"in use by another `nightbus up`, process {os.getpid()}: stop"):
            Home.open(home_folder)
        assert Home.attach(home_folder).path == home_folder
    Home.open(home_folder).close()


def test_a_killed_holder_frees_the_home(home_folder: Path) -> None:
    """After kill -9 of the process that held a home, the next one opens it at once."""
    code = f"import time; from services.standalone.home import Home; h = Home.open({str(home_folder)!r}); "
    code += "print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(UserError, match=f"process {holder.pid}:"):
            Home.open(home_folder)
        holder.send_signal(signal.SIGKILL)
    Home.open(home_folder).close()


def test_a_folder_with_other_files_is_left_alone(home_folder: Path) -> None:
    """A folder that is not a home and not empty is refused and keeps its mode and content."""
    (home_folder / "M31.fit").write_bytes(b"light")
    home_folder.chmod(0o755)
    with pytest.raises(UserError, match=r"holds other files \(M31\.fit\)"):
        Home.open(home_folder)
    assert [entry.name for entry in home_folder.iterdir()] == ["M31.fit"]
    assert mode_of(home_folder) == 0o755
    (home_folder / "M31.fit").unlink()


@as_root
def test_a_home_of_another_user_is_refused(home_folder: Path) -> None:
    """Root does not take over, nor write into, a folder that belongs to someone else."""
    os.chown(home_folder, 65534, 65534)
    with pytest.raises(UserError, match="belongs to the user with id 65534"):
        Home.open(home_folder)
    assert home_folder.stat().st_uid == 65534
    assert list(home_folder.iterdir()) == []


def test_a_file_or_a_closed_place_is_refused_in_one_sentence(home_folder: Path) -> None:
    """A home that cannot be a folder is refused with a sentence that names it."""
    (home_folder / "file").touch()
    for path in (home_folder / "file", home_folder / "file" / "home"):
        with pytest.raises(UserError, match=str(path)):
            Home.open(path)


def test_attach_needs_a_home(home_folder: Path) -> None:
    """Commands beside `up` are told where no home is."""
    with pytest.raises(UserError, match="There is no Nightbus home"):
        Home.attach(home_folder)


def test_a_port_is_kept_until_someone_else_takes_it(home_folder: Path) -> None:
    """A port is chosen once and kept; another is chosen only when it is taken or the note is unreadable."""
    with Home.open(home_folder) as home:
        port = home.port("postgres")
        assert home.port("postgres") == port
        assert home.port("nats") != port
        assert home.ports()["postgres"] == port
    with Home.open(home_folder) as home:
        assert home.port("postgres") == port
        with socket.create_server(("127.0.0.1", port)):
            other = home.port("postgres")
            assert other != port
            with pytest.raises(UserError, match=f"Port {port} for postgres is in use"):
                home.port("postgres", wanted=port)
        assert home.port("postgres", wanted=port) == port
        others = b'{"nats": 99999999, "postgres": -5, "health_ingest": 1.5, "health_stats": "x"}'
        for damaged in (b"{torn", b"", b"{}", b"[]", b"\xff\xfe", b"[" * 100_000, others):
            (home.run / "ports.json").write_bytes(damaged)
            assert home.port("postgres") > 0
            assert set(home.ports()) == {"postgres"}


def test_the_account_of_the_servers_is_never_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """An ordinary user runs the servers as itself; root lends an existing account that is not root."""
    monkeypatch.setattr(os, "geteuid", lambda: 65534)
    assert service_account() is None
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    account = service_account()
    assert account is not None
    assert account.name == "nobody"
    assert account.uid != 0
    with pytest.raises(UserError, match="does not run as root"):
        service_account("root")
    with pytest.raises(UserError, match="'no-such-account' for PostgreSQL and NATS does not exist"):
        service_account("no-such-account")


def test_a_user_without_a_name_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user id that the system does not know is refused in one sentence before PostgreSQL stumbles over it."""
    monkeypatch.setattr(os, "geteuid", lambda: 1_234_567)
    with pytest.raises(UserError, match=r"The user id 1234567 has no name on this machine, .*: run as a user that"):
        service_account()


def test_a_user_without_a_home_folder_is_told_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system knows no folder of the user, the sentence says to name one with --home."""

    def none() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(os, "geteuid", lambda: 1_234_567)
    monkeypatch.setattr(Path, "home", none)
    for name in ("NIGHTBUS_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(UserError, match="no home folder: name a folder for Nightbus with --home"):
        Home.resolve()


@as_root
def test_access_is_judged_as_the_account_sees_it(home_folder: Path) -> None:
    """A file below a closed folder is denied to the account though its own mode allows it."""
    nobody = Account("nobody", 65534, 65534)
    (home_folder / "closed").mkdir(mode=0o700)
    (home_folder / "closed" / "file").touch(mode=0o644)
    home_folder.chmod(0o711)
    assert nobody.first_denied([Path("/"), home_folder], os.X_OK) is None
    assert nobody.first_denied([home_folder], os.R_OK) == home_folder
    assert nobody.first_denied([home_folder / "closed" / "file"], os.R_OK) == home_folder / "closed" / "file"
