"""The base of deploy/k8s as its files are: what needs no kubectl. Overlays are rendered in tests/system."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from services.descriptions import SCHEMAS, SERVICES
from services.standalone.binaries import installed_binaries
from services.standalone.home import write_durably
from services.standalone.passwords import make_passwords
from shared.bus.rights import users_of
from shared.db.roles import OTHERS
from tests.manifests.model import K8S, Manifests, base
from tests.manifests.overlaid import CERTIFICATE_KEYS, certified, secrets_of
from tests.manifests.policies import ADMIN, ANYWHERE, Policy

needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not here")


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    """The base."""
    return base()


@pytest.mark.parametrize("policy", ANYWHERE, ids=lambda policy: policy.__name__)
def test_the_base_keeps_the_policies(manifests: Manifests, policy: Policy) -> None:
    """Each policy that holds of the base holds; its docstring says what it promises."""
    policy(manifests)


def test_a_folder_of_passwords_becomes_secrets(tmp_path: Path) -> None:
    """secrets.sh hands on each password as it is: of every user of NATS and role of Postgres, and of subscribers."""
    make_passwords(tmp_path)
    write_durably(tmp_path / "nats-subscriber-my-lights", "sesame\n", mode=0o600)
    found = secrets_of("passwords", str(tmp_path))
    words = {file.name: file.read_bytes().strip() for file in tmp_path.iterdir()}
    assert found["nightbus-nats"] == {
        f"nats-{user}": words[f"nats-{user}"]
        for user in (*(user.name for user in users_of(SERVICES)), "subscriber-my-lights")
    }
    assert found["nightbus-postgres"] == {role: words[role] for role in (*SCHEMAS, *OTHERS)}
    assert found["postgres-admin"] == {"username": ADMIN.encode(), "password": words[ADMIN]}
    assert found["nats-users"] == {"nats-users.conf": (tmp_path / "nats-users.conf").read_bytes()}
    assert set(found) == {"nightbus-nats", "nightbus-postgres", "postgres-admin", "nats-users"}


@pytest.mark.parametrize("words", [[], ["passwords", "/nowhere"], ["everything"]], ids=["none", "folder", "other"])
def test_secrets_are_not_made_of_nothing(words: list[str]) -> None:
    """What is no folder of passwords, or no such word, is refused in a sentence, and nothing is printed to apply."""
    done = subprocess.run(["sh", str(K8S / "secrets.sh"), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("secrets.sh: ")


@needs_openssl
def test_the_server_takes_both_configurations(tmp_path: Path) -> None:
    """nats-server accepts the configuration of each overlay, with the users and certificates of secrets.sh."""
    make_passwords(tmp_path)
    for key, content in secrets_of("certificates")["nats-tls"].items():
        (tmp_path / key).write_bytes(content)
    for file in (K8S / "base" / "nats" / "nats.conf", K8S / "overlays" / "cloud" / "nats.conf"):
        text = file.read_text().replace("/etc/nats-tls", str(tmp_path)).replace('"/data"', f'"{tmp_path}/data"')
        (tmp_path / "nats.conf").write_text(text)
        command = [str(installed_binaries().nats_server), "-t", "-c", str(tmp_path / "nats.conf")]
        done = subprocess.run(command, env={"POD_NAME": "nats-0"}, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{file}: {done.stderr}"


@needs_openssl
@pytest.mark.parametrize("server", ["nats", "postgres"])
def test_certificates_prove_the_names_of_the_servers(server: str, tmp_path: Path) -> None:
    """What secrets.sh makes is trusted by its authority alone, for each name by which clients call the server."""
    files = secrets_of("certificates")
    own, other = files[f"{server}-tls"], files["nats-tls" if server == "postgres" else "postgres-tls"]
    assert set(own) == CERTIFICATE_KEYS
    for key, text in own.items():
        (tmp_path / key).write_bytes(text)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    trusting = ssl.create_default_context(cadata=own["ca.crt"].decode())
    trusting.verify_flags |= ssl.VERIFY_X509_STRICT
    for name in certified(server):
        shake_hands(serving, trusting, name)
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        shake_hands(serving, trusting, "elsewhere.example.org")
    assert own["tls.key"] != other["tls.key"]
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(serving, ssl.create_default_context(), certified(server)[0])


def shake_hands(serving: ssl.SSLContext, trusting: ssl.SSLContext, name: str) -> None:
    """A handshake of TLS in memory, by a client that calls the server by a name; raises as the client would."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(to_client, to_server, server_hostname=name)
    server = serving.wrap_bio(to_server, to_client, server_side=True)
    waiting = {client, server}
    for side in (client, server) * 3:
        if side in waiting:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.discard(side)
    assert not waiting
