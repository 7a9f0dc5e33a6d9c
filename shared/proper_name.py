"""When an object's display name says more than its designation."""


def proper_name(catalog_id: str | None, name: str | None) -> str | None:
    """The name; None where there is none, or where it is only the designation once more (``NGC 7331`` of NGC7331)."""
    return None if (name or "").replace(" ", "") in {"", catalog_id} else name
