"""Valid names, and the URIs of models: `models:/churn@champion`, `models:/churn/3`, `...@champion?at=...`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelshelf.domain.errors import Invalid

MODEL_NAME_LIMIT = 1024
MODEL_NAME_BYTES = 2000
"""What fits into an entry of PostgreSQL's indexes, with a time beside it."""
RUN_ID_LIMIT = 256
SOURCE_LIMIT = 10_000
ALIAS_LIMIT = 255
TAG_KEY_LIMIT = 250
TAG_VALUE_LIMIT = 100_000
DESCRIPTION_LIMIT = 100_000
REASON_LIMIT = 10_000

_ALIAS = re.compile(r"[\w\-]{1,255}")
_RESERVED_ALIAS = re.compile(r"latest|v\d+", re.IGNORECASE)
_TAG_KEY = re.compile(r"[\w\-./: ]+")
_LOGGED_MODEL = re.compile(r"m-[0-9a-f]{32}")


class Stage(StrEnum):
    """MLflow's four stages, in the order of a version's life."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


_STAGES = {stage.value.lower(): stage for stage in Stage}


def model_name(text: object) -> str:
    """The name of a registered model, checked; raises Invalid with the rule that it breaks."""
    if not isinstance(text, str) or not text.strip():
        raise Invalid("a registered model's name must be a non-empty text", name=text)
    if "/" in text or ":" in text or text in {".", ".."}:
        raise Invalid(f"invalid model name {text!r}: it must not contain '/' or ':', nor be '.' or '..'", name=text)
    if len(text) > MODEL_NAME_LIMIT:
        raise Invalid(f"the model name is {len(text)} characters long; the limit is {MODEL_NAME_LIMIT}", name=text)
    if len(storable(text, "model name").encode()) > MODEL_NAME_BYTES:
        raise Invalid(f"the model name has {len(text.encode())} bytes; the limit is {MODEL_NAME_BYTES}", name=text)
    return text


def storable(text: str, what: str) -> str:
    """A text that both databases and UTF-8 can hold: no NUL, no lone surrogate."""
    if "\0" in text:
        raise Invalid(f"the {what} must not contain a NUL character")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Invalid(f"the {what} is not valid Unicode: {error.reason} at position {error.start}") from None
    return text


def bounded(text: object, what: str, limit: int) -> str:
    """A free text of at most `limit` characters."""
    if not isinstance(text, str):
        raise Invalid(f"the {what} must be a text, not {type(text).__name__}")
    if len(text) > limit:
        raise Invalid(f"the {what} is {len(text):,} characters long; the limit is {limit:,}")
    return storable(text, what)


def alias_name(text: object) -> str:
    """An alias: 1 to 255 word characters or `-`; `latest` and `v<number>` are reserved."""
    if not isinstance(text, str) or not _ALIAS.fullmatch(text):
        raise Invalid(
            f"invalid alias {text!r}: it must be 1 to {ALIAS_LIMIT} letters, digits, '_' or '-'",
            alias=text,
        )
    if _RESERVED_ALIAS.fullmatch(text):
        raise Invalid(f"the alias {text!r} is reserved: 'latest' and 'v<number>' name versions themselves", alias=text)
    return text


def stage_name(text: object) -> Stage:
    """A stage in any case; raises Invalid with the four that there are."""
    stage = _STAGES.get(text.lower()) if isinstance(text, str) else None
    if stage is None:
        known = ", ".join(stage.value for stage in Stage)
        raise Invalid(f"unknown stage {text!r}: the stages are {known}", stage=text)
    return stage


def version_number(value: object) -> int:
    """A version's number, from an int or its text."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise Invalid(f"a version must be a whole number, not {value!r}", version=value)
    try:
        number = int(value)
    except ValueError:
        raise Invalid(f"a version must be a whole number, not {value!r}", version=value) from None
    if not 0 <= number < 2**63:
        raise Invalid(f"a version must be a positive whole number, not {value!r}", version=value)
    return number


def tag_key(text: object) -> str:
    """A tag's key: up to 250 letters, digits, spaces and `_ - . / :`, and no path trick."""
    return _key(text, "tag")


def metric_key(text: object) -> str:
    """A metric's name; the rule is that of tag keys."""
    return _key(text, "metric")


def param_key(text: object) -> str:
    """A param's name; the rule is that of tag keys."""
    return _key(text, "param")


def _key(text: object, what: str) -> str:
    if not isinstance(text, str) or not text:
        raise Invalid(f"the {what} name must be a non-empty text, not {text!r}")
    if len(text) > TAG_KEY_LIMIT:
        raise Invalid(f"the {what} name is {len(text)} characters long; the limit is {TAG_KEY_LIMIT}")
    if not _TAG_KEY.fullmatch(text):
        raise Invalid(f"invalid {what} name {text!r}: it may have letters, digits, spaces and '_', '-', '.', '/', ':'")
    if text.startswith("/") or any(part in {"", ".", ".."} for part in text.split("/")):
        raise Invalid(f"invalid {what} name {text!r}: it must not look like an absolute or a relative path")
    return text


def nearest(wanted: str, names: Iterable[str]) -> tuple[str, ...]:
    """Up to three existing names that look like the wanted one, the likeliest first."""
    from difflib import get_close_matches

    by_folded = {name.casefold(): name for name in names}
    return tuple(by_folded[match] for match in get_close_matches(wanted.casefold(), by_folded, n=3, cutoff=0.6))


def did_you_mean(wanted: str, names: Iterable[str]) -> str:
    """` (did you mean 'x' or 'y'?)`, or nothing where no name is near."""
    found = nearest(wanted, names)
    return f" (did you mean {' or '.join(repr(name) for name in found)}?)" if found else ""


def instant_ms(text: str) -> int:
    """An ISO 8601 instant with a zone, in milliseconds since the epoch; one without a zone is refused."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(f"not an instant: {text!r}; write it like 2026-03-01T09:30Z or 2026-03-01T09:30+01:00") from None
    if instant.tzinfo is None:
        raise Invalid(f"the instant {text!r} has no time zone; write {text}Z for UTC or add an offset like +01:00")
    return int(instant.timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class ModelUri:
    """What a `models:/` URI names: exactly one of `number`, `alias`, `stage`, `latest` or `logged_model` is set."""

    name: str = ""
    number: int | None = None
    alias: str | None = None
    stage: Stage | None = None
    latest: bool = False
    logged_model: str | None = None
    at_ms: int | None = None
    path: str = ""

    @staticmethod
    def is_model_uri(text: object) -> bool:
        """Whether the text has the `models:` scheme."""
        return isinstance(text, str) and text.startswith("models:/")

    @classmethod
    def parse(cls, text: str) -> "ModelUri":
        """Read a URI; raises Invalid that shows the known forms."""
        if not cls.is_model_uri(text):
            raise _unknown_form(text)
        rest = text.removeprefix("models:/").lstrip("/")
        rest, asked, instant = rest.partition("?at=")
        at_ms = instant_ms(instant.replace(" ", "+")) if asked else None
        if _LOGGED_MODEL.fullmatch(rest.split("/", 1)[0]):
            return cls._logged(text, rest, at_ms)
        if "@" in rest.rsplit("/", 1)[-1] and "/" not in rest:
            name, _, alias = rest.rpartition("@")
            return cls(name=model_name(name), alias=alias_name(alias), at_ms=at_ms)
        name, slash, selector = rest.partition("/")
        if not slash or not selector or "/" in selector:
            raise _unknown_form(text)
        return cls._selected(model_name(name), selector, at_ms)

    @classmethod
    def _logged(cls, text: str, rest: str, at_ms: int | None) -> "ModelUri":
        if at_ms is not None:
            raise Invalid(f"{text!r} names one logged model, which is the same at any instant; leave ?at= out")
        logged, _, path = rest.partition("/")
        return cls(logged_model=logged, path=path)

    @classmethod
    def _selected(cls, name: str, selector: str, at_ms: int | None) -> "ModelUri":
        if re.fullmatch(r"\d+", selector, re.ASCII):
            return cls(name=name, number=version_number(selector), at_ms=at_ms)
        if selector.lower() == "latest":
            return cls(name=name, latest=True, at_ms=at_ms)
        return cls(name=name, stage=stage_name(selector), at_ms=at_ms)

    def __str__(self) -> str:
        if self.logged_model:
            return f"models:/{self.logged_model}" + (f"/{self.path}" if self.path else "")
        if self.alias is not None:
            return f"models:/{self.name}@{self.alias}"
        selector = "latest" if self.latest else self.stage.value if self.stage else str(self.number)
        return f"models:/{self.name}/{selector}"


def _unknown_form(text: object) -> Invalid:
    return Invalid(
        f"not a model URI: {text!r}; the known forms are models:/NAME/3, models:/NAME@ALIAS, models:/NAME/STAGE, "
        "models:/NAME/latest, models:/m-ID, each with ?at=2026-03-01T09:30Z for a past moment, and runs:/RUN_ID/PATH",
        uri=text,
    )
