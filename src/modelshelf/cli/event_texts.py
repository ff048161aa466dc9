"""What events hold, in a line."""

import json
from collections.abc import Mapping
from typing import Any


def told(data: Mapping[str, Any]) -> str:
    """The data of an event without what is empty, and without what its refusal says in words already."""
    said = {"gates", "code"} if data.get("refusal") else set()
    filled = [(key, value) for key, value in data.items() if key not in said and value not in (None, "", [], {})]
    return ", ".join(f"{key}={_text(value)}" for key, value in filled)


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
