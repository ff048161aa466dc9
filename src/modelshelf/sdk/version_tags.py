"""Tags of versions, beside the client's methods."""

from modelshelf.domain.names import version_number
from modelshelf.sdk import session


def set_model_version_tag(name: str, version: int | str, key: str, value: object) -> None:
    """Set a tag, as text, of a version. Raises NotFound."""
    session.registry().catalog.tag_version(name, version_number(version), key, str(value))
