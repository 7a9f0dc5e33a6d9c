"""The base of deploy/k8s as its files are: what needs no kubectl. Overlays are rendered in tests/system."""

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from services.descriptions import SCHEMAS, SERVICES
from shared.bus.rights import users_of
from shared.db.roles import OTHERS
from tests.manifests.model import K8S, Manifests, base, name_of, read_all
from tests.manifests.overlaid import CERTIFICATE_KEYS, certified, passwords
from tests.manifests.policies import ADMIN, ANYWHERE, Policy


@pytest.fixture(scope="module")
def manifests() -> Manifests:
    """The base."""
    return base()


@pytest.mark.parametrize("policy", ANYWHERE, ids=lambda policy: policy.__name__)
def test_the_base_keeps_the_policies(manifests: Manifests, policy: Policy) -> None:
    """Each policy that holds of the base holds; its docstring says what it promises."""
    policy(manifests)


def test_there_is_a_password_for_each_user_and_role() -> None:
    """secrets.sh makes one for every user of NATS and every role of Postgres that the code has, and no other."""
    assert passwords() == {
        "nightbus-nats": {f"nats-{user.name}" for user in users_of(SERVICES)},
        "nightbus-postgres": {*SCHEMAS, *OTHERS},
        "postgres-admin": {"username", "password"},
    }


def test_passwords_are_random_and_read_as_words() -> None:
    """Each is its own, differs from run to run, and begins with a letter, so that NATS reads no number in it."""
    texts = [
        subprocess.run(["sh", str(K8S / "secrets.sh"), "passwords"], capture_output=True, text=True, check=True).stdout
        for _ in range(2)
    ]
    values = [
        value
        for text in texts
        for one in read_all(text)
        for key, value in one["stringData"].items()
        if key != "username"
    ]
    assert len(set(values)) == len(values) > 30
    assert all(value[0] == "p" and value.isalnum() and len(value) == 49 for value in values)
    assert all(f'username: "{ADMIN}"' in text for text in texts)


@pytest.mark.parametrize("server", ["nats", "postgres"])
def test_certificates_prove_the_names_of_the_servers(server: str, tmp_path: Path) -> None:
    """What secrets.sh makes is trusted by its authority alone, for each name by which clients call the server."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not here")
    made = subprocess.run(
        ["sh", str(K8S / "secrets.sh"), "certificates"], capture_output=True, text=True, check=True
    ).stdout
    files = {name_of(one): one["stringData"] for one in read_all(made)}
    own, other = files[f"{server}-tls"], files["nats-tls" if server == "postgres" else "postgres-tls"]
    assert set(own) == CERTIFICATE_KEYS
    for key, text in own.items():
        (tmp_path / key).write_text(text)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(tmp_path / "tls.crt", tmp_path / "tls.key")
    trusting = ssl.create_default_context(cadata=own["ca.crt"])
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
