"""Sections that every service has in common: which services run, NATS, Postgres, health pages, log."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from shared.errors import UserError
from shared.settings.section import Section, WholePath

if TYPE_CHECKING:
    import ssl

NATS_LOGIN_PREFIX = "nats-"
"""How the files of passwords of NATS begin; those of Postgres are called as their roles."""
_CA_FILE = "file with the certificates of the authorities that vouch for the server (PEM); unset: those of this machine"
_UNENCRYPTED = "allow connections to another machine without TLS; without it they are refused"


def nats_password_file(user: str) -> str:
    """The name of the file that holds the password of a user of NATS, in a folder of passwords."""
    return f"{NATS_LOGIN_PREFIX}{user}"


def _host_of(address: str) -> str:
    """The host of an address; empty where it names none, or is none."""
    try:
        return urlsplit(address if "://" in address else f"//{address}").hostname or ""
    except ValueError:
        return ""


def addresses_of(url: str) -> list[str]:
    """The addresses of a NATS: one of a single server, several of a cluster, in the order in which they are tried."""
    return [address for part in url.split(",") if (address := part.strip())]


def shown_addresses(url: str) -> str:
    """The addresses as a sentence names them: without the logins that they may hold."""
    return ", ".join(address.rpartition("@")[2] for address in addresses_of(url))


class ServicesSettings(Section):
    """Which services run."""

    enabled: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="services that run; after a change run `nightbus provision`, which `nightbus up` does by itself",
    )


class NatsSettings(Section):
    """Where NATS is, and how large the stream may grow."""

    url: str = Field(
        default="nats://127.0.0.1:4222",
        description="address of the server; of a cluster those of its servers, separated by commas",
    )
    ca_file: WholePath | None = Field(default=None, description=_CA_FILE)
    unencrypted: bool = Field(default=False, description=_UNENCRYPTED)
    secrets_dir: WholePath | None = Field(
        default=None,
        description="folder with one password file per user, named nats-<user>: nats-ingest, nats-cli, nats-provision "
        "and so on, the users of deploy/nats/users.conf",
    )
    user: str | None = Field(default=None, description="login name, of a NATS that has one for all")
    password: SecretStr | None = Field(default=None, description="its password; better: password_file")
    password_file: WholePath | None = Field(default=None, description="file that holds its password")
    max_bytes: int | None = Field(
        default=None,
        ge=1024**2,
        description="largest size of the event stream, bytes; unset: as the stream is, or 2 GiB for a new one; "
        "`nightbus up` sizes it by its disk",
    )
    replicas: int | None = Field(
        default=None,
        ge=1,
        le=5,
        description="copies of the stream in a NATS cluster; unset: as the stream is, or 1 for a new one",
    )

    @model_validator(mode="after")
    def _whole_login(self) -> Self:
        if self.user is not None and self.password is None and self.password_file is None:
            raise ValueError(f"user {self.user!r} has no password: set password_file, or nats.secrets_dir for one each")
        if self.user is None and (self.password is not None or self.password_file is not None):
            raise ValueError("a password without a user logs nobody in: set user as well")
        return self

    @field_validator("url")
    @classmethod
    def _some_address(cls, url: str) -> str:
        if not addresses_of(url):
            raise ValueError(f"{url!r} names no server: write an address such as nats://127.0.0.1:4222")
        for address in addresses_of(url):
            if not _host_of(address):
                raise ValueError(f"{address!r} names no host: write an address such as nats://[::1]:4222")
        return url

    @property
    def servers(self) -> list[str]:
        """The addresses of the server, or of those of a cluster."""
        return addresses_of(self.url)

    @property
    def place(self) -> str:
        """Where it is, for sentences."""
        return shown_addresses(self.url)

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if self.unencrypted and (self.ca_file is not None or self._says_tls):
            raise ValueError("unencrypted says that TLS may be left out, and ca_file or tls:// that it must not")
        return self

    @property
    def host(self) -> str:
        """The host of the first address."""
        return _host_of(self.servers[0])

    @property
    def _says_tls(self) -> bool:
        """Whether an address is one that is encrypted."""
        return any(address.startswith("tls:") for address in self.servers)

    def demands_tls(self, host: str) -> bool:
        """Whether nothing is said to a host of this NATS that is not encrypted.

        A host that only another server named stays here no more than that server does: whoever stands in between could
        name a port of this machine.
        """
        from shared.encryption import stays_here

        if self.unencrypted:
            return False
        known = [_host_of(address) for address in self.servers]
        named_by_us = host in known or all(map(stays_here, known))
        return self.ca_file is not None or self._says_tls or not (stays_here(host) and named_by_us)

    def tls(self) -> "ssl.SSLContext":
        """TLS that trusts whom the settings name.

        Raises:
            UserError: the file of certificates cannot be used.
        """
        from shared.encryption import context_of

        return context_of(self.ca_file, "nats.ca_file")

    def login(self, user: str) -> tuple[str, str] | None:
        """The name and password with which ``user`` logs in: its own, else the one for all; None where none is needed.

        Raises:
            UserError: its password file is missing or cannot be read.
        """
        try:
            if self.secrets_dir is not None:
                return user, (self.secrets_dir / nats_password_file(user)).read_text().strip()
            if self.user is None:
                return None
            if self.password is not None:
                return self.user, self.password.get_secret_value()
            return (self.user, self.password_file.read_text().strip()) if self.password_file else None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the password of the NATS user {user} cannot be read: {error}") from error


class PostgresSettings(Section):
    """Where Postgres is, and how each service's role proves itself."""

    host: str = Field(default="127.0.0.1", description="host name, address or socket folder")
    port: int = Field(default=5432, ge=1, le=65535, description="TCP port")
    ca_file: WholePath | None = Field(default=None, description=_CA_FILE)
    unencrypted: bool = Field(default=False, description=_UNENCRYPTED)
    database: str = Field(default="nightbus", description="name of the database")
    admin_role: str = Field(default="nightbus_admin", description="role that runs migrations and creates the others")
    password: SecretStr | None = Field(default=None, description="password of this process's role")
    secrets_dir: WholePath | None = Field(
        default=None, description="folder with one password file per role, named as the role"
    )
    pool_size: int = Field(default=5, ge=2, le=50, description="most connections per service")

    @model_validator(mode="after")
    def _one_wish(self) -> Self:
        if self.unencrypted and self.ca_file is not None:
            raise ValueError("unencrypted says that TLS may be left out, and ca_file that it must not")
        return self

    @property
    def place(self) -> str:
        """The server as sentences call it."""
        return f"Postgres at {self.host}:{self.port}"

    @property
    def demands_tls(self) -> bool:
        """Whether nothing is said to this Postgres that is not encrypted."""
        from shared.encryption import stays_here

        return not self.unencrypted and (self.ca_file is not None or not stays_here(self.host))

    def tls(self) -> "ssl.SSLContext | None":
        """TLS that trusts whom the settings name; None where the connection may do without.

        Raises:
            UserError: the file of certificates cannot be used.
        """
        from shared.encryption import context_of

        return context_of(self.ca_file, "postgres.ca_file") if self.demands_tls else None

    def libpq(self) -> Mapping[str, str]:
        """What programs of PostgreSQL need in their environment to encrypt as we do; nothing where that is not asked.

        Of PostgreSQL before 16 none knows the certificates of the machine by a word; the file is named, where there is
        one.
        """
        if not self.demands_tls:
            return {}
        import ssl

        machine = ssl.get_default_verify_paths().cafile
        trusted: Path | str = self.ca_file or machine or "system"
        return {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(trusted)}

    def password_of(self, role: str) -> str:
        """The password of a role, from ``secrets_dir`` or ``password``.

        Raises:
            UserError: when neither has it, or its file cannot be read.
        """
        try:
            if self.secrets_dir is not None and (file := self.secrets_dir / role).is_file():
                return file.read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"the password of the Postgres role {role} cannot be read: {error}") from error
        if self.password is not None:
            return self.password.get_secret_value()
        if self.secrets_dir is not None:
            raise UserError(f"no password for the Postgres role {role}: put it into a file {self.secrets_dir / role}")
        raise UserError(f"no password for the Postgres role {role}: set postgres.secrets_dir or postgres.password")


class HealthSettings(Section):
    """The /livez, /readyz and /metrics pages of a service."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: int = Field(default=0, ge=0, le=65535, description="port; 0 = no pages")


class LogSettings(Section):
    """How services log."""

    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="auto = console on a terminal, else json"
    )
    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="least severity that is written; info has a line for each message"
    )
    rotate_mb: int = Field(default=50, ge=1, le=10_000, description="of `nightbus up`: size of a file of its log, MiB")
    keep_files: int = Field(
        default=4, ge=1, le=100, description="of `nightbus up`: earlier files of its log that are kept"
    )
