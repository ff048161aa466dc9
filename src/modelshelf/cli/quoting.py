"""Texts of any content as values in a filter."""

_QUOTES = ("'", '"')


def exactly(field: str, text: str) -> str:
    """A filter for what has just this text in a field; only a list can spell every text."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"{field} IN ('{escaped}')"


def containing(field: str, text: str) -> str:
    """A filter for what has a text anywhere in a field, in any case; `%` and `_` in it are wildcards."""
    quote = next((quote for quote in _QUOTES if quote not in text), None)
    if quote is None:  # a text with both kinds of quotes: one of them becomes "any one character"
        quote, text = "'", text.replace("'", "_")
    return f"{field} ILIKE {quote}%{text}%{quote}"
