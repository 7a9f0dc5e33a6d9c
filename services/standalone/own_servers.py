"""What the settings may say where Nightbus brings its own NATS and Postgres: obeyed, or refused in a sentence."""

from pathlib import Path

from services.scanner.settings import require_previews_apart
from shared.errors import UserError
from shared.library.access import Access
from shared.library.settings import LibrarySettings
from shared.settings import Settings

PLACES = {
    "nats": ("NATS", ("url", "ca_file", "unencrypted", "user", "password", "password_file", "secrets_dir")),
    "postgres": (
        "Postgres",
        ("host", "port", "ca_file", "unencrypted", "database", "admin_role", "password", "secrets_dir"),
    ),
}


def contradictions(settings: Settings, home: Path) -> list[str]:
    """A sentence for each setting that `nightbus up` could not obey with that home."""
    found = []
    for section, (server, keys) in PLACES.items():
        values = getattr(settings, section)
        defaults = type(values).model_fields
        written = [key for key in keys if getattr(values, key) != defaults[key].default]
        if written:
            found.append(
                f"setting {section}.{written[0]} says where {server} is, but `nightbus up` brings its own {server}: "
                "remove the key, or run the services with `nightbus run`"
            )
    if (settings.nats.replicas or 1) > 1:
        found.append(
            f"setting nats.replicas is {settings.nats.replicas}, but the NATS of `nightbus up` is a single server: "
            "remove the key"
        )
    if settings.health.port:
        found.append(
            "setting health.port is one port for one service, but `nightbus up` runs several: remove the key; it gives "
            "each a port of its own (run/ports.json of its home)"
        )
    library = settings.section(LibrarySettings)
    library = library.model_copy(update={"path": library.path or home / "library"})
    try:
        Access.of(library.mode, library.group)
        require_previews_apart(settings.model_copy(update={"library": library}))
    except UserError as error:
        found.append(str(error))
    return found


def require_obeyable(settings: Settings, home: Path) -> None:
    """Refuse settings that would hold nothing here.

    Raises:
        UserError: one sentence for each.
    """
    if found := contradictions(settings, home):
        raise UserError("\n".join(found))
