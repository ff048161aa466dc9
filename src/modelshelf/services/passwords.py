"""Passwords, hashed with argon2 (the extra `server` brings it)."""

from typing import TYPE_CHECKING

from modelshelf.domain.credentials import same_password
from modelshelf.domain.errors import MissingPackage

if TYPE_CHECKING:
    from types import ModuleType

SALT_BYTES = 16
_HASH_BYTES = 32
_PASSES, _MEMORY_KIB, _LANES = 2, 19_456, 1
"""OWASP's advice for argon2id: some 20 ms and 19 MiB for each attempt."""

_NOBODYS = f"$argon2id$v=19$m={_MEMORY_KIB},t={_PASSES},p={_LANES}${'A' * 22}${'A' * 43}"
"""The hash of no password that anybody knows: checking one against it costs what checking any other costs."""


def hashed(password: str, *, salt: bytes) -> str:
    """What is stored of a password. Raises MissingPackage."""
    argon2 = _argon2()
    encoded = argon2.low_level.hash_secret(
        same_password(password).encode(),
        salt,
        time_cost=_PASSES,
        memory_cost=_MEMORY_KIB,
        parallelism=_LANES,
        hash_len=_HASH_BYTES,
        type=argon2.Type.ID,
    )
    return str(encoded.decode("ascii"))


def matches(stored: str, password: str) -> bool:
    """Whether it is the password; takes as long where there is none (`stored` is empty). Raises MissingPackage."""
    argon2 = _argon2()
    try:
        argon2.low_level.verify_secret(
            (stored or _NOBODYS).encode("ascii"), same_password(password).encode(), argon2.Type.ID
        )
    except argon2.exceptions.VerifyMismatchError:
        return False
    return bool(stored)


def _argon2() -> "ModuleType":
    try:
        import argon2
        import argon2.exceptions
        import argon2.low_level
    except ImportError:
        raise MissingPackage("passwords need argon2: pip install 'modelshelf[server]'", package="argon2-cffi") from None
    return argon2
