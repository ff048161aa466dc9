"""The number of a version, which MLflow's clients send as text."""

from modelshelf.mlflow_api.errors import Refusal
from modelshelf.mlflow_api.routing import Body


def number_of(body: Body) -> int:
    """The number in `version`. Raises Refusal for a text that is no whole number, and for one no version can have."""
    text = body.get("version", "")
    try:
        number = int(text)
    except ValueError:
        raise Refusal.invalid(f"Parameter 'version' must be an integer, got '{text[:100]}'.") from None
    if not 0 <= number < 2**63:
        raise Refusal("RESOURCE_DOES_NOT_EXIST", f"no version {number} of {body.get('name', '')!r}")
    return number
