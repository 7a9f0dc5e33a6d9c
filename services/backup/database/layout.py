"""Where dumps lie at a destination, and what is written beside each.

::

    backups/database/nightbus-20261130T120000Z-api_0002-ingest_0014-….dump        pg_dump's custom format
    backups/database/nightbus-20261130T120000Z-api_0002-ingest_0014-….dump.json   written last: the dump was read back
    backups/config/nightbus-20261130T120000Z.toml                                 nightbus.toml without secrets
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError

DATABASE, CONFIG = "backups/database/", "backups/config/"
DUMP, NOTE = ".dump", ".json"
_KEY = re.compile(rf"{DATABASE}nightbus-\d{{8}}T\d{{6}}Z-[a-z0-9_-]+\{DUMP}")
_MOST_KEY_CHARS = 200

Cause = Literal["asked", "nightly", "migration"]


class Note(BaseModel):
    """What lies beside a dump: that it is whole, and what it is of."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    layout: Literal[1] = 1
    dump_id: UUID
    installation_id: str
    destination: str
    """As the settings called it."""
    cause: Cause
    key: str
    size_bytes: int
    sha256: str
    dumped_at: datetime
    heads: tuple[str, ...]
    """Revisions of all schemas, such as ``stats_0015``."""
    server_version: str
    pg_dump_version: str
    nightbus_version: str


def dump_key(dumped_at: datetime, heads: Sequence[str]) -> str:
    """The key of a new dump."""
    name = f"nightbus-{_stamp(dumped_at)}-{'-'.join(sorted(heads))}"
    return f"{DATABASE}{name[:_MOST_KEY_CHARS]}{DUMP}"


def config_key(at: datetime) -> str:
    """The key of a new copy of nightbus.toml."""
    return f"{CONFIG}nightbus-{_stamp(at)}.toml"


def is_dump(key: str) -> bool:
    """Whether a key is a dump's."""
    return _KEY.fullmatch(key) is not None


def note_key(key: str) -> str:
    """The key of what lies beside a dump."""
    return f"{key}{NOTE}"


def read_note(data: bytes) -> Note | None:
    """What lies beside a dump; None where it is damaged, or of a layout that is not known here."""
    try:
        return Note.model_validate_json(data)
    except ValidationError:
        return None


def _stamp(at: datetime) -> str:
    return f"{at:%Y%m%dT%H%M%SZ}"
