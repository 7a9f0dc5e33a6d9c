"""Sections that every service has in common: which services run, NATS, Postgres, health pages, log."""

from typing import Literal, Self

from pydantic import Field, SecretStr, field_validator, model_validator

from shared.errors import UserError
from shared.settings.section import Section, WholePath


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
        return url

    @property
    def servers(self) -> list[str]:
        """The addresses of the server, or of those of a cluster."""
        return addresses_of(self.url)

    @property
    def place(self) -> str:
        """Where it is, for sentences."""
        return shown_addresses(self.url)

    def login(self, user: str) -> tuple[str, str] | None:
        """The name and password with which ``user`` logs in: its own, else the one for all; None where none is needed.

        Raises:
            UserError: its password file is missing or cannot be read.
        """
        try:
            if self.secrets_dir is not None:
                return user, (self.secrets_dir / f"nats-{user}").read_text().strip()
            if self.user is None:
                return None
            if self.password is not None:
                return self.user, self.password.get_secret_value()
            return (self.user, self.password_file.read_text().strip()) if self.password_file else None
        except OSError as error:
            raise UserError(f"the password of the NATS user {user} cannot be read: {error}") from error


class PostgresSettings(Section):
    """Where Postgres is, and how each service's role proves itself."""

    host: str = Field(default="127.0.0.1", description="host name, address or socket folder")
    port: int = Field(default=5432, ge=1, le=65535, description="TCP port")
    database: str = Field(default="nightbus", description="name of the database")
    admin_role: str = Field(default="nightbus_admin", description="role that runs migrations and creates the others")
    password: SecretStr | None = Field(default=None, description="password of this process's role")
    secrets_dir: WholePath | None = Field(
        default=None, description="folder with one password file per role, named as the role"
    )
    pool_size: int = Field(default=5, ge=2, le=50, description="most connections per service")

    def password_of(self, role: str) -> str:
        """The password of a role, from ``secrets_dir`` or ``password``.

        Raises:
            UserError: when neither has it.
        """
        if self.secrets_dir is not None and (file := self.secrets_dir / role).is_file():
            return file.read_text().strip()
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
        default="info", description="least severity that is written"
    )
