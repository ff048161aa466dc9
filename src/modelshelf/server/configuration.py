"""What a server is told: where the shelf is, where to listen, and whom to let in."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Self

from modelshelf.domain.errors import Invalid

LOG_LEVELS = ("debug", "info", "warning", "error")
AUTH_MODES = ("off", "required")


@dataclass(frozen=True, slots=True)
class Configuration:
    """Each field has a variable `MODELSHELF_<FIELD>`; the parent process hands it to its workers in that way, too."""

    backend_store_uri: str = "sqlite:///modelshelf.db"
    """The database of the shelf."""
    artifacts_destination: str = ""
    """Where the blobs are, if not in the place that derives from the database."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 5000
    """The port to listen on."""
    workers: int = 1
    """How many processes answer."""
    auth: str = "off"
    """`required`: nobody is let in without a token or a password."""
    insecure: bool = False
    """Whether to listen on an open address without asking who comes in."""
    allowed_hosts: str = ""
    """Names, by commas, that requests may call this server by, besides those of the address it listens on."""
    key_file: str = ""
    """The file of the keys that sign and encrypt, the same for all servers of a shelf."""
    heads_file: str = ""
    """A file, best elsewhere than the shelf, to which each new signed head of the ledger is appended."""
    webhook_allowed_hosts: str = ""
    """Internal hosts, by commas, that webhooks may be sent to: names, addresses and networks."""
    webhook_timeout: int = 15
    """How many seconds a receiver may take."""
    log_level: str = "info"
    """`debug` tells every request, `info` those that write or fail."""
    metrics_folder: str = ""
    """Where the workers of one server leave their numbers for each other; made by the server itself."""

    def __post_init__(self) -> None:
        if self.auth not in AUTH_MODES:
            raise Invalid(f"MODELSHELF_AUTH is {self.auth!r}; it must be off or required")
        if self.log_level not in LOG_LEVELS:
            raise Invalid(f"MODELSHELF_LOG_LEVEL is {self.log_level!r}; it must be one of {', '.join(LOG_LEVELS)}")
        if not 1 <= self.workers <= 256:
            raise Invalid(f"a server has 1 to 256 workers, not {self.workers}")
        if not 1 <= self.webhook_timeout <= 120:
            raise Invalid(f"a webhook's receiver may take 1 to 120 seconds, not {self.webhook_timeout}")
        if not 0 <= self.port < 2**16:
            raise Invalid(f"a port is a number up to 65535, not {self.port}")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the variables. Raises Invalid for a value that can't be."""
        given = os.environ if environment is None else environment
        found = {field.name: given[variable(field.name)] for field in fields(cls) if given.get(variable(field.name))}
        return cls(**{name: _read(name, text) for name, text in found.items()})  # type: ignore[arg-type]

    def to_environment(self) -> dict[str, str]:
        """The variables that say the same."""
        return {variable(field.name): _written(getattr(self, field.name)) for field in fields(self)}


def variable(field: str) -> str:
    """The environment variable of a field."""
    return f"MODELSHELF_{field.upper()}"


def _read(name: str, text: str) -> str | int | bool:
    if name in {"port", "workers", "webhook_timeout"}:
        try:
            return int(text)
        except ValueError:
            raise Invalid(f"{variable(name)} is {text!r}; it must be a whole number") from None
    return text.lower() in {"1", "true", "yes", "on"} if name == "insecure" else text


def _written(value: object) -> str:
    return str(int(value)) if isinstance(value, bool) else str(value)
