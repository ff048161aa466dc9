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
    Throttled,
    Unauthenticated,
    Unavailable,
    Untrusted,
    VersionInUse,
)

MlflowException = ShelfError
_MLFLOW_CODES: dict[type[ShelfError], str] = {
    NotFound: "RESOURCE_DOES_NOT_EXIST",
    AlreadyExists: "RESOURCE_ALREADY_EXISTS",
    Invalid: "INVALID_PARAMETER_VALUE",
    Conflict: "RESOURCE_CONFLICT",
    Forbidden: "PERMISSION_DENIED",
    Untrusted: "PERMISSION_DENIED",
    Unauthenticated: "UNAUTHENTICATED",
    Unavailable: "TEMPORARILY_UNAVAILABLE",
}


def _error_code(error: ShelfError) -> str:
    """What MLflow calls this kind of failure: programs written for it compare `error.error_code`."""
    return next((code for kind, code in _MLFLOW_CODES.items() if isinstance(error, kind)), "INTERNAL_ERROR")


ShelfError.error_code = property(_error_code)  # type: ignore[attr-defined]

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
    "Throttled",
    "Unauthenticated",
    "Unavailable",
    "Untrusted",
    "VersionInUse",
]
