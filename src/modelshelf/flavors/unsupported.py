"""Arguments of MLflow's functions that have no counterpart here."""

from collections.abc import Mapping
from typing import Any

from modelshelf.domain.errors import Invalid


def refuse(function: str, arguments: Mapping[str, Any]) -> None:
    """Raises Invalid naming the first argument that was given; None, False and empty values count as not given."""
    for name, value in arguments.items():
        if value:
            raise Invalid(f"{function}: the argument {name} is not supported", argument=name)
