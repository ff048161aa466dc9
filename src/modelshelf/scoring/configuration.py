"""What a scorer is told: which model, where to listen, whom to let in, and how much at once."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

import msgspec

from modelshelf.domain.errors import Invalid

LOG_LEVELS = ("debug", "info", "warning", "error")
TOKEN_VARIABLE = "MODELSHELF_SERVE_TOKEN"  # noqa: S105 - the name of it
_VARIABLE = "MODELSHELF_SERVE_CONFIGURATION"
SHORTEST_TOKEN = 16


@dataclass(frozen=True, slots=True)
class Configuration:
    """How `modelshelf serve` was called; the parent process hands it to its workers in an environment variable."""

    model_uri: str
    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    token: str = field(default="", repr=False)
    """Who does not send it as a bearer token gets no prediction; empty lets everybody in."""
    insecure: bool = False
    allowed_hosts: str = ""
    most_rows: int = 100_000
    most_bytes: int = 32 << 20
    key_header: str = "x-modelshelf-key"
    trust: bool = False
    any_signature: bool = False
    log_level: str = "info"
    folder: str = ""
    """Where the workers leave their numbers for each other; made by the parent."""

    def __post_init__(self) -> None:
        if self.log_level not in LOG_LEVELS:
            raise Invalid(f"the log level is {self.log_level!r}; it must be one of {', '.join(LOG_LEVELS)}")
        if not 1 <= self.workers <= 256:
            raise Invalid(f"a scorer has 1 to 256 workers, not {self.workers}")
        if not 0 <= self.port < 2**16:
            raise Invalid(f"a port is a number up to 65535, not {self.port}")
        if self.most_rows < 1 or self.most_bytes < 1:
            raise Invalid("the limits of rows and bytes are at least 1")
        if self.token and (
            len(self.token) < SHORTEST_TOKEN or not self.token.isascii() or not self.token.isprintable()
        ):
            raise Invalid(
                f"the token must have {SHORTEST_TOKEN} or more printable ASCII characters; "
                "make one: openssl rand -hex 32"
            )
        if not self.key_header.replace("-", "").isalnum() or not self.key_header.isascii():
            raise Invalid(f"{self.key_header!r} is not the name of a header")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """What the parent process left."""
        given = os.environ if environment is None else environment
        return msgspec.json.decode(given[_VARIABLE], type=cls)

    def to_environment(self) -> dict[str, str]:
        """The variable that says the same."""
        return {_VARIABLE: msgspec.json.encode(self).decode()}
