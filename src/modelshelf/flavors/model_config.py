"""The configuration of a model, which its context carries."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid


def read_config(given: Any) -> dict[str, Any]:
    """A model's configuration as a dict: given as one, or as the path of a YAML file."""
    if isinstance(given, Mapping):
        return dict(given)
    import yaml

    try:
        content = yaml.safe_load(Path(given).read_text(encoding="utf-8"))
    except (OSError, TypeError, yaml.YAMLError) as fault:
        raise Invalid(f"model_config: {given!r} cannot be read: {fault}", argument="model_config") from fault
    if not isinstance(content, dict):
        raise Invalid(f"model_config: {given!r} is not a mapping", argument="model_config")
    return content
