"""`backup setup`: try a destination out, say what was found, and write its section of nightbus.toml."""

import asyncio
import getpass
import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.match import LinesOption
from services.cli.output import to_json
from services.cli.quiet import quiet_log
from services.cli.usage import WrongUsage, named_path
from shared import inert
from shared.errors import UserError

if TYPE_CHECKING:
    from services.backup.destinations.setup import Found
    from services.backup.settings import DestinationSettings

KindOption = Annotated[str | None, typer.Option("--kind", metavar="KIND", help="folder or s3.")]
NameOption = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Short name, such as usb-disk.")]
PathOption = Annotated[
    Path | None, typer.Option("--path", metavar="DIR", parser=named_path, help="Folder, of the kind folder.")
]
BucketOption = Annotated[str | None, typer.Option("--bucket", metavar="NAME", help="Bucket, which exists already.")]
EndpointOption = Annotated[
    str | None, typer.Option("--endpoint", metavar="URL", help="Address of the server; none for AWS.")
]
RegionOption = Annotated[str | None, typer.Option("--region", metavar="NAME", help="Region, where there are some.")]
AddressingOption = Annotated[
    str | None, typer.Option("--addressing", metavar="STYLE", help="auto, path (most servers at home) or virtual.")
]
KeyOption = Annotated[str | None, typer.Option("--access-key-id", metavar="ID", help="Access key.")]
SecretOption = Annotated[
    Path | None,
    typer.Option("--secret-file", metavar="FILE", parser=named_path, help="File that holds the secret key."),
]
CaOption = Annotated[
    Path | None, typer.Option("--ca-file", metavar="FILE", parser=named_path, help="Certificates to trust, PEM.")
]
ClassOption = Annotated[str | None, typer.Option("--storage-class", metavar="NAME", help="Storage class of archives.")]
PrefixOption = Annotated[
    str | None, typer.Option("--prefix", metavar="PREFIX", help="What every key begins with; chosen if not given.")
]
WriteOption = Annotated[
    bool, typer.Option("--write", help="Add the section to nightbus.toml: that of NIGHTBUS_CONFIG, else here.")
]

_SENTENCES: Mapping[str, tuple[str, str]] = {
    "tags": ("it keeps tags", "it keeps no tags: lifecycle rules go by key and size"),
    "preconditions": (
        "it refuses to overwrite when asked to",
        "it overwrites even when asked not to: Nightbus looks before each write",
    ),
    "checks_md5": ("it refuses what arrives with a wrong MD5", "it does not compare the MD5 of what arrives"),
    "checks_sha256": (
        "it refuses what arrives with a wrong SHA-256",
        "it does not compare the SHA-256 that is sent along",
    ),
    "checks_signed_hash": (
        "it refuses bytes that are not those that were signed",
        "it does not compare bytes with their signature: check deeply now and then",
    ),
    "lifecycle": ("it has lifecycle rules: `nightbus backup lifecycle`", "it has no lifecycle rules"),
    "versions": ("it keeps old versions", "it keeps no old versions: who has the key can delete archives for good"),
    "delete": ("this key may delete", "this key may not delete, and backup never needs to"),
}  # fmt: skip
_FIELDS = {
    "folder": ("path",),
    "s3": ("endpoint", "bucket", "region", "addressing", "access_key_id", "secret_access_key_file", "ca_file",
           "storage_class"),
}  # fmt: skip

_OF_FOLDERS: Mapping[str, tuple[str, str]] = {
    "delete": ("files may be deleted there", "files may not be deleted there, and backup never needs to"),
}


def setup(
    kind: KindOption = None,
    name: NameOption = None,
    path: PathOption = None,
    bucket: BucketOption = None,
    endpoint: EndpointOption = None,
    region: RegionOption = None,
    addressing: AddressingOption = None,
    access_key_id: KeyOption = None,
    secret_file: SecretOption = None,
    ca_file: CaOption = None,
    storage_class: ClassOption = None,
    prefix: PrefixOption = None,
    write: WriteOption = False,
    as_json: LinesOption = False,
) -> None:
    """Try a destination out: write, read back, compare, delete. Prints its section of nightbus.toml.

    What is not given is asked for on a terminal.
    """
    given: dict[str, Any] = {
        "kind": kind, "name": name, "path": path, "bucket": bucket, "endpoint": endpoint, "region": region,
        "addressing": addressing, "access_key_id": access_key_id, "secret_access_key_file": secret_file,
        "ca_file": ca_file, "storage_class": storage_class, "prefix": prefix,
    }  # fmt: skip
    if path is not None:
        given["path"] = path.absolute()
    if secret_file is not None:
        given["secret_access_key_file"] = secret_file.absolute()
    if ca_file is not None:
        given["ca_file"] = ca_file.absolute()
    wanted = {key: value for key, value in given.items() if value is not None}
    asked = _ask(wanted)
    configured = _settings(wanted)
    if write:
        _require_room(configured.name)
    if configured.kind == "folder":
        _require_elsewhere(configured)
    from services.backup.destinations.setup import tried_out

    quiet_log()
    found = asyncio.run(tried_out(configured))
    facts = dict(found.facts)
    if facts.get("tags") is False and configured.kind == "s3":
        wanted["tags"] = False
    if asked is not None:
        wanted["secret_access_key_file"] = _keep_secret(configured.name, asked)
        wanted.pop("secret_access_key", None)
    section = section_text(wanted)
    file = _add(section) if write else None
    if as_json:
        line = {"place": found.place, "facts": facts, "left_behind": found.left_behind, "section": section}
        print(to_json(line | {"written_to": str(file) if file else None}))
        return
    print("\n".join(sentences(found, configured.kind)))
    print(f"\nadded to {inert.name(file)}:\n" if file else "\nfor nightbus.toml (--write adds it):\n")
    print(section)
    if file:
        print("start `nightbus up` anew, and finished nights go there")


def sentences(found: "Found", kind: str) -> list[str]:
    """What was found, for a person."""
    said = [f"{inert.name(found.place)}: what was written came back, also in parts"]
    sentences_of = {**_SENTENCES, **_OF_FOLDERS} if kind == "folder" else _SENTENCES
    said += [sentences_of[name][0 if able else 1] for name, able in found.facts.items() if name in sentences_of]
    if found.left_behind is not None:
        said.append(f"a small test object stays below {found.left_behind}")
    return said


def section_text(values: Mapping[str, Any]) -> str:
    """The section of a destination as nightbus.toml has it."""
    from shared.toml_text import to_toml

    order = ("name", "kind", *_FIELDS[str(values["kind"])], "tags", "prefix")
    chosen = {key: values[key] for key in order if key in values}
    plain = {key: value if isinstance(value, bool) else str(value) for key, value in chosen.items()}
    return to_toml({"destinations": [plain]}, {})


def _ask(wanted: dict[str, Any]) -> str | None:
    """Ask for what is missing; the secret key where one was typed."""
    wanted.setdefault("kind", _answer("kind", "folder or s3", "folder"))
    if wanted["kind"] not in _FIELDS:
        raise WrongUsage(f"{inert.name(wanted['kind'])!r} is no kind of destination: folder or s3")
    if wanted["kind"] == "folder":
        if "path" not in wanted:
            wanted["path"] = Path(_answer("path", "folder, from the root on"))
        wanted.setdefault("name", _answer("name", "short name", "disk"))
        return None
    for key, words, usual in (
        ("name", "short name", "cloud"), ("endpoint", "address of the server, empty for AWS", ""),
        ("bucket", "bucket", None), ("region", "region, empty where there is none", ""),
        ("access_key_id", "access key, empty to use that of AWS' own tools", ""),
    ):  # fmt: skip
        if key not in wanted and (value := _answer(key, words, usual)):
            wanted[key] = value
    if "access_key_id" not in wanted or "secret_access_key_file" in wanted:
        return None
    if not sys.stdin.isatty():
        raise WrongUsage("--secret-file is missing: a file that holds the secret key")
    secret = getpass.getpass("secret key (not shown): ").strip()
    wanted["secret_access_key"] = secret
    return secret


def _answer(key: str, words: str, usual: str | None = None) -> str:
    """What a person says; without a terminal the usual answer, where there is one."""
    if not sys.stdin.isatty():
        if usual is None:
            raise WrongUsage(f"--{key.replace('_', '-')} is missing, and there is no terminal to ask at")
        return usual
    shown = f" [{usual}]" if usual else ""
    said = input(f"{words}{shown}: ").strip()
    if not said and usual is None:
        raise WrongUsage(f"nothing was said for {words}; --{key.replace('_', '-')} gives it as well")
    return said or usual or ""


def _settings(wanted: Mapping[str, Any]) -> "DestinationSettings":
    from pydantic import ValidationError

    from services.backup.settings import FolderDestination, S3Destination

    kind = FolderDestination if wanted["kind"] == "folder" else S3Destination
    unknown = sorted(set(wanted) - set(kind.model_fields))
    if unknown:
        raise WrongUsage(f"--{unknown[0].replace('_', '-')} does not go with the kind {wanted['kind']}")
    try:
        return kind(**wanted)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        words = str(first["msg"]).removeprefix("Value error, ")
        raise UserError(f"{'.'.join(map(str, first['loc'])) or 'the destination'}: {words}") from error


def _config() -> Path:
    from shared.written import config_file

    file = config_file()
    if file is None:
        raise UserError("there is no nightbus.toml to write to: name one by NIGHTBUS_CONFIG")
    return file


def _require_room(name: str) -> None:
    """Make sure that the settings file takes another destination of this name, before anything is tried."""
    from shared.written import written

    _config()
    if any(one.get("name") == name for one in written().get("destinations", ())):
        raise UserError(f"{_config()} has a destination {name} already: choose another --name, or change it there")


def _require_elsewhere(configured: "DestinationSettings") -> None:
    """Make sure that a folder lies apart from the library and the sources, before anything is written there."""
    from services.backup.settings.destinations import require_elsewhere
    from services.settings import load_settings
    from shared.library.settings import capture_folders

    try:
        require_elsewhere((configured,), capture_folders(load_settings()))
    except ValueError as error:
        raise UserError(str(error)) from error


def _add(section: str) -> Path:
    """Add a section to the settings file, whose content stays as it is; in one step."""
    file = _config().resolve()
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    after = before + ("" if not before or before.endswith("\n") else "\n") + ("\n" if before else "") + section
    tomllib.loads(after)
    temporary = file.with_name(f".{file.name}.new")
    try:
        with temporary.open("x", encoding="utf-8") as new:
            if file.exists():
                os.fchmod(new.fileno(), file.stat().st_mode & 0o7777)
            new.write(after)
            new.flush()
            os.fsync(new.fileno())
        temporary.replace(file)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise UserError(f"{file} cannot be written to: {error.strerror}") from error
    return file


def _holds(file: Path, secret: str) -> bool:
    """Whether a file has this very secret, as one that was tried out before has."""
    try:
        return file.read_text(encoding="utf-8").strip() == secret
    except (OSError, UnicodeDecodeError):
        return False


def _keep_secret(name: str, secret: str) -> Path:
    """Put a typed secret key into a file that only its owner reads."""
    from shared.written import config_file

    beside = config_file()
    folder = beside.resolve().parent if beside is not None else Path.cwd()
    file = folder / f"{name}.secret"
    try:
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        if _holds(file, secret):
            return file
        raise UserError(f"{file} is there already: give it by --secret-file, or take it away") from error
    except OSError as error:
        raise UserError(f"the secret key cannot be kept in {file}: {error.strerror}") from error
    with os.fdopen(fd, "w", encoding="utf-8") as kept:
        kept.write(secret + "\n")
    return file
