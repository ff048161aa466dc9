"""Patterns of model names: `fraud`, `fraud-*`, `*`; a `*` stands for any text, also for none."""

from modelshelf.domain.errors import Invalid
from modelshelf.domain.names import MODEL_NAME_LIMIT, model_name


def model_pattern(text: object) -> str:
    """A pattern of model names, checked; raises Invalid with the rule that it breaks."""
    if not isinstance(text, str) or not text.strip():
        raise Invalid("name the model, or a pattern of names such as 'fraud-*' or '*'", field="model")
    if len(text) > MODEL_NAME_LIMIT:
        raise Invalid(f"the pattern is {len(text)} characters long; the limit is {MODEL_NAME_LIMIT}", field="model")
    return model_name(text)


def matches(pattern: str, name: str) -> bool:
    """Whether a pattern means a name; the time it takes grows only with their lengths."""
    first, *rest = pattern.split("*")
    if not rest:
        return name == pattern
    *middle, last = rest
    if not name.startswith(first) or not name.endswith(last) or len(name) < len(first) + len(last):
        return False
    at, end = len(first), len(name) - len(last)
    for part in middle:
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
