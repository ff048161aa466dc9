"""Every failure a caller can act on; `code` is stable, `details` are data. `MlflowException` is the base of all."""

from modelshelf.domain.errors import (
    AliasMoved,
    AlreadyExists,
    Busy,
    Conflict,
    Corrupt,
    Forbidden,
    ForeignDatabase,
    Invalid,
    InvalidFilter,
    InvalidModel,
    MissingPackage,
    NotFound,
    ShelfError,
    SignatureMismatch,
    StorageFull,
    Unavailable,
    Untrusted,
    VersionInUse,
)

MlflowException = ShelfError

__all__ = [
    "AliasMoved",
    "AlreadyExists",
    "Busy",
    "Conflict",
    "Corrupt",
    "Forbidden",
    "ForeignDatabase",
    "Invalid",
    "InvalidFilter",
    "InvalidModel",
    "MissingPackage",
    "MlflowException",
    "NotFound",
    "ShelfError",
    "SignatureMismatch",
    "StorageFull",
    "Unavailable",
    "Untrusted",
    "VersionInUse",
]
