"""What can be chosen about a preview. Apart from what makes them, so that naming a choice loads no image library."""

from enum import StrEnum


class PictureFormat(StrEnum):
    """What a picture is encoded as."""

    JPEG = "jpeg"
    WEBP = "webp"
    PNG = "png"

    @property
    def extension(self) -> str:
        """The file name's ending, with its dot."""
        return ".jpg" if self is PictureFormat.JPEG else f".{self.value}"


class StretchKind(StrEnum):
    """How a frame's own stretch is chosen."""

    AUTO = "auto"
    LINKED = "linked"
    NONE = "none"
