"""Settings of destinations: the sections [[destinations]], each of the kind that its key ``kind`` names."""

import re
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, SecretStr, field_validator, model_validator

from shared.settings.section import OfKinds, Section, WholePath

_NAME = "[A-Za-z0-9][A-Za-z0-9._-]*"


class DestinationSettings(Section):
    """What destinations of all kinds have in common."""

    name: str = Field(description="short name: lower-case letters, digits, - and _, such as usb-disk")
    kind: str
    prefix: str | None = Field(
        default=None,
        description="what every key begins with; unset: nightbus-<id of this installation>, so that two installations "
        "keep apart",
    )

    @field_validator("name")
    @classmethod
    def _usable(cls, name: str) -> str:
        if re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,62}", name) is None:
            allowed = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")[:63] or "usb-disk"
            raise ValueError(
                f"{name!r} is no name for a destination: use lower-case letters, digits, - and _, such as {allowed!r}"
            )
        return name

    @field_validator("prefix")
    @classmethod
    def _is_a_prefix(cls, prefix: str | None) -> str | None:
        if (
            prefix is not None
            and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*(/[A-Za-z0-9][A-Za-z0-9._-]*)*", prefix) is None
        ):
            raise ValueError(f"{prefix!r} is no prefix: use names of letters, digits, ., - and _, with / between them")
        return prefix


class FolderDestination(DestinationSettings):
    """A folder: a second disk, a USB disk, a share of a second NAS that is mounted here."""

    kind: Literal["folder"] = Field(default="folder", description="what it is")
    path: WholePath = Field(description="folder that archives are written to")


class S3Destination(DestinationSettings):
    """A bucket of any server that speaks S3."""

    kind: Literal["s3"] = Field(default="s3", description="what it is")
    bucket: str = Field(min_length=3, max_length=63, description="name of the bucket, which exists already")
    endpoint: str | None = Field(
        default=None, description="address of the server, such as https://s3.example.net; unset: AWS"
    )
    region: str | None = Field(default=None, description="region, such as eu-central-1; some servers need `auto`")
    addressing: Literal["auto", "path", "virtual"] = Field(
        default="auto", description="where the bucket's name goes; path for most servers at home"
    )
    access_key_id: str | None = Field(
        default=None, description="unset: as AWS' own tools find it (environment, ~/.aws, role of the machine)"
    )
    secret_access_key: SecretStr | None = Field(default=None, description="better: secret_access_key_file")
    secret_access_key_file: WholePath | None = Field(default=None, description="file that holds the secret key")
    ca_file: WholePath | None = Field(
        default=None, description="certificates to trust, PEM, where the server has its own"
    )
    checksums: Literal["when_supported", "when_required"] = Field(
        default="when_required",
        description="when_supported: the client adds a checksum of its own to each request, which some servers refuse; "
        "Content-MD5 and our SHA-256 are sent in any case",
    )
    storage_class: str | None = Field(
        default=None, description="of archives, such as STANDARD_IA or DEEP_ARCHIVE; manifests are always STANDARD"
    )
    tags: bool = Field(
        default=True, description="tag archives for lifecycle rules; false where the server refuses tags"
    )

    @model_validator(mode="after")
    def _whole_key(self) -> Self:
        has_secret = self.secret_access_key is not None or self.secret_access_key_file is not None
        if (self.access_key_id is not None) != has_secret:
            lacks = "access_key_id" if has_secret else "secret_access_key_file"
            raise ValueError(f"the key of {self.name!r} is not whole: set {lacks} as well")
        return self


def _names_apart(destinations: tuple[DestinationSettings, ...]) -> tuple[DestinationSettings, ...]:
    names = [destination.name for destination in destinations]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"two destinations are called {min(twice)!r}")
    places: dict[tuple[str | None, ...], str] = {}
    for one in destinations:
        if (other := places.setdefault(_place(one), one.name)) != one.name:
            raise ValueError(f"the destinations {other!r} and {one.name!r} are one place: leave one of them away")
    return destinations


def _place(destination: DestinationSettings) -> tuple[str | None, ...]:
    match destination:
        case FolderDestination():
            return (str(destination.path), destination.prefix)
        case S3Destination():
            return (destination.endpoint, destination.bucket, destination.prefix)
        case _:
            return (destination.name,)


Destinations = Annotated[
    tuple[Annotated[DestinationSettings, OfKinds(FolderDestination, S3Destination)], ...], AfterValidator(_names_apart)
]
"""All destinations; no two have one name, or one place."""


def require_elsewhere(destinations: tuple[DestinationSettings, ...], folders: tuple[tuple[str, Path], ...]) -> None:
    """Refuse destinations in folders of captures, and captures in destinations.

    Raises:
        ValueError: one lies in the other; the sentence names the remedy.
    """
    for one in destinations:
        if not isinstance(one, FolderDestination):
            continue
        for words, folder in folders:
            if one.path.is_relative_to(folder) or folder.is_relative_to(one.path):
                raise ValueError(
                    f"the destination {one.name!r} ({one.path}) and {words} ({folder}) lie in each other: archives "
                    "belong on another disk, or at least into a folder of their own"
                )
