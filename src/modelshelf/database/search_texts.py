"""Patterns of LIKE: as each database writes them, and what of them an index can find."""

import string

PREFIX = 200
"""Of a value an index holds this many characters; see the schema."""

SHORT = 1_000
"""Texts of up to this many characters are indexed by their trigrams."""

_ASCII = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_GLOB = str.maketrans({"*": "[*]", "?": "[?]", "[": "[[]", "%": "*", "_": "?"})


def like(dialect: str, value: str, parameter: str) -> str:
    """`value` matches a pattern, whose case counts and which has no escape character."""
    return f"{value} GLOB {parameter}" if dialect == "sqlite" else f"{value} LIKE {parameter}"


def like_pattern(dialect: str, pattern: str) -> str:
    """The parameter of `like`."""
    return pattern.translate(_GLOB) if dialect == "sqlite" else pattern.replace("\\", "\\\\")


def ilike(dialect: str, value: str, parameter: str) -> str:
    """As `like`, but the letters A to Z match whatever their case; other letters' case counts, on both databases."""
    return f"{value} LIKE {parameter}" if dialect == "sqlite" else f"{value} ILIKE {parameter}"


def ilike_pattern(dialect: str, pattern: str) -> str:
    """The parameter of `ilike`."""
    return pattern if dialect == "sqlite" else pattern.replace("\\", "\\\\")


def folded(text: str) -> str:
    """The text with A to Z in lower case, and nothing else changed: what `ilike` compares."""
    return text.translate(_ASCII)


def literal_prefix(pattern: str) -> str:
    """The text that everything the pattern matches starts with."""
    ends = [end for end in (pattern.find("%"), pattern.find("_")) if end >= 0]
    return pattern[: min(ends)] if ends else pattern


def successor(prefix: str) -> str | None:
    """The first text behind all those that start with a prefix; None where there is none."""
    for end in range(len(prefix), 0, -1):
        following = ord(prefix[end - 1]) + 1
        if following <= 0x10FFFF:
            return prefix[: end - 1] + chr(0xE000 if following == 0xD800 else following)
    return None


def trigrams(pattern: str) -> list[str]:
    """What of three characters stands side by side in everything that the pattern matches, each once."""
    runs = pattern.replace("_", "%").split("%")
    return list(dict.fromkeys(run[at : at + 3] for run in runs for at in range(len(run) - 2)))


def trigram_query(parts: list[str]) -> str:
    """A query of FTS5 for the texts in which all the trigrams are."""
    return " ".join('"' + part.replace('"', '""') + '"' for part in parts)
