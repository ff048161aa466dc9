"""Every failure a caller can act on.

ShelfError
├── Invalid                can never succeed as written (a name, a filter, a value, a URI)
│   ├── InvalidFilter      a search filter or order that does not parse; carries the position
│   ├── InvalidModel       a model directory that is broken or unreadable
│   └── SignatureMismatch  data that does not fit the model's signature
├── NotFound               the thing named is not there
├── AlreadyExists          the name is taken
├── Conflict               legal in itself, refused in the current state
│   ├── VersionInUse       an alias points at the version
│   ├── AliasMoved         somebody moved the alias or stage first
│   └── GateFailed         a gate refuses the move; `details["gates"]` lists each clause with the values it saw
├── Unauthenticated        nobody known is asking: no credentials, or wrong ones
├── Forbidden              the actor may not do that
│   └── Protected          the alias or stage may be moved by others only
├── Throttled              too many attempts; `details["retry_after"]` is how many seconds to wait
├── Untrusted              loading would execute content nobody vouched for
├── Corrupt                stored bytes are not what was sealed
├── MissingPackage         a package that the model needs is not installed
└── Unavailable            the machine underneath refuses
    ├── ForeignDatabase    a database that belongs to another program, or to a newer version
    ├── Busy               waited for a lock or a connection, in vain; try again
    └── StorageFull        disk full, read-only or over quota
"""

from typing import Any, ClassVar


class ShelfError(Exception):
    """Base of every failure that a caller can act on; `code` is stable, `details` are data."""

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.message, self.details = message, details

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.message, self.details)


def _rebuild(kind: type[ShelfError], message: str, details: dict[str, Any]) -> ShelfError:
    return kind(message, **details)


class Invalid(ShelfError):
    """Can never succeed as written."""

    code = "invalid"


class InvalidFilter(Invalid):
    """A filter or order that does not parse; `details["position"]` is the 0-based offset of the fault."""

    code = "invalid_filter"


class InvalidModel(Invalid):
    """A model directory that is broken or unreadable."""

    code = "invalid_model"


class SignatureMismatch(Invalid):
    """Data that does not fit the model's signature."""

    code = "signature_mismatch"


class NotFound(ShelfError):
    """The thing named is not there."""

    code = "not_found"


class AlreadyExists(ShelfError):
    """The name is taken."""

    code = "already_exists"


class Conflict(ShelfError):
    """Legal in itself, refused in the current state."""

    code = "conflict"


class VersionInUse(Conflict):
    """An alias points at the version."""

    code = "version_in_use"


class AliasMoved(Conflict):
    """Somebody moved the alias or stage first."""

    code = "alias_moved"


class GateFailed(Conflict):
    """A gate refuses the move; `details["gates"]` lists each clause with the values it saw."""

    code = "gate_failed"


class Unauthenticated(ShelfError):
    """Nobody known is asking: no credentials, or wrong ones."""

    code = "unauthenticated"


class Forbidden(ShelfError):
    """The actor may not do that."""

    code = "forbidden"


class Protected(Forbidden):
    """The alias or stage may be moved by others only; `details["allowed"]` tells by whom."""

    code = "protected"


class Throttled(ShelfError):
    """Too many attempts; `details["retry_after"]` is how many seconds to wait before the next one."""

    code = "throttled"


class Untrusted(ShelfError):
    """Loading would execute content nobody vouched for."""

    code = "untrusted"


class Corrupt(ShelfError):
    """Stored bytes are not what was sealed."""

    code = "corrupt"


class MissingPackage(ShelfError):
    """A package that the model needs is not installed."""

    code = "missing_package"


class Unavailable(ShelfError):
    """The machine underneath refuses."""

    code = "unavailable"


class ForeignDatabase(Unavailable):
    """A database that belongs to another program, or to a newer version of this one."""

    code = "foreign_database"


class Busy(Unavailable):
    """Waited for a lock or a connection, in vain."""

    code = "busy"


class StorageFull(Unavailable):
    """Disk full, read-only or over quota."""

    code = "storage_full"
