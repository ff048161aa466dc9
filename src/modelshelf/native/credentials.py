"""How a client says who it is, and how it makes sure of the server: from the environment, or given."""

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit, urlunsplit

from modelshelf.native.transport import Tls

_YES = frozenset({"1", "true", "yes", "on"})


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, or a user name and a password; all empty: nobody in particular."""

    token: str = field(default="", repr=False)
    user: str = ""
    password: str = field(default="", repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read MODELSHELF_TOKEN, _USERNAME and _PASSWORD, or where none is set MLFLOW_TRACKING_TOKEN and so on."""
        given = os.environ if environment is None else environment
        for prefix in ("MODELSHELF", "MLFLOW_TRACKING"):
            found = cls(*(given.get(f"{prefix}_{name}", "") for name in ("TOKEN", "USERNAME", "PASSWORD")))
            if found != cls():
                return found
        return cls()

    @property
    def header(self) -> str:
        """The Authorization header; empty where there is nothing to say. A user name goes before a token."""
        if self.user:
            pair = f"{self.user}:{self.password or self.token}"
            return "Basic " + base64.b64encode(pair.encode()).decode()
        return f"Bearer {self.token}" if self.token else ""


def from_url(url: str) -> tuple[str, Credentials]:
    """A URL without the user information that it may hold, and that information."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at:
        return url, Credentials()
    user, _, password = userinfo.partition(":")
    return urlunsplit(parts._replace(netloc=host)), Credentials(user=unquote(user), password=unquote(password))


def tls_from_environment(environment: Mapping[str, str] | None = None) -> Tls:
    """Read MODELSHELF_INSECURE_TLS, _SERVER_CERT_PATH and _CLIENT_CERT_PATH, or those of MLFLOW_TRACKING."""
    given = os.environ if environment is None else environment

    def read(name: str) -> str:
        return given.get(f"MODELSHELF_{name}") or given.get(f"MLFLOW_TRACKING_{name}", "")

    return Tls(
        verify=read("INSECURE_TLS").lower() not in _YES,
        authorities=read("SERVER_CERT_PATH"),
        certificate=read("CLIENT_CERT_PATH"),
    )
