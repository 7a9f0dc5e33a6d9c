"""Whether a connection to a server stays on this machine, and TLS for one that does not.

The server has to name itself by a certificate that a known authority signed for the host name by which it is reached.
Certificates are read anew for each context, so that one that was replaced holds from the next connection on.
"""

import ipaddress
import ssl
from pathlib import Path

from shared.errors import UserError

_HERE = frozenset({"", "localhost"})
_NOT_NOW = frozenset({9, 10})
"""OpenSSL's verdicts that a certificate holds not yet, or no more (X509_V_ERR_CERT_NOT_YET_VALID, _HAS_EXPIRED)."""
_OTHER_NAME = frozenset({62, 64})
"""OpenSSL's verdicts that a certificate is for another host name, or another address (X509_V_ERR_HOSTNAME_MISMATCH)."""


def stays_here(host: str) -> bool:
    """Whether a connection to a host, an address or a folder of sockets never leaves this machine."""
    if host.lower().rstrip(".") in _HERE or host.startswith("/"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def context_of(ca_file: Path | None, key: str) -> ssl.SSLContext:
    """TLS that checks the server's certificate and the name in it.

    Args:
        ca_file: the certificates of the authorities that are believed (PEM); None for those of this machine.
        key: the setting that names the file.

    Raises:
        UserError: the file cannot be read, or holds no certificate.
    """
    try:
        return ssl.create_default_context(cafile=ca_file)
    except ssl.SSLError as error:
        raise UserError(f"{ca_file} (setting {key}) holds no certificate in PEM form") from error
    except OSError as error:
        raise UserError(f"the certificates in {ca_file} (setting {key}) cannot be read: {error.strerror}") from error


def distrust(error: ssl.SSLCertVerificationError, server: str, key: str) -> str:
    """Why a server is not believed to be the one that was meant, and what to do, as a sentence."""
    if error.verify_code in _OTHER_NAME:
        remedy = "give it a certificate for the name by which it is reached"
    elif error.verify_code in _NOT_NOW:
        remedy = "give it a new certificate, or set the clock of this machine right"
    else:
        remedy = f"name the certificate of its authority in {key}"
    return f"{server} is not trusted: {error.verify_message.rstrip('.')}; {remedy}"


def unencrypted(server: str, section: str) -> str:
    """That a connection is refused because nothing would be encrypted, and what to do, as a sentence."""
    return (
        f"{server} does not encrypt, and it is another machine: give it a certificate "
        f"(docs/howto/encrypt-and-rotate.md), or allow this by {section}.unencrypted = true"
    )
