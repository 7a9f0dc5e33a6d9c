"""Settings of the api service: the section [api]."""

from pydantic import Field

from shared.settings.section import Section, WholePath


class ApiSettings(Section):
    """The service that keeps the dead-letter register and will serve the web."""

    dead_letter_dir: WholePath | None = Field(default=None, description="folder for payloads too large for the table")


SECTION = ApiSettings
