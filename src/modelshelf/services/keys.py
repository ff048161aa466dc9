"""The shelf's keys: one file outside database and artifacts, shared by all servers of a shelf."""

import base64
import hashlib
import json
import os
import secrets
import stat
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from modelshelf.database import shelf
from modelshelf.database.database import Transaction
from modelshelf.domain.errors import Invalid, MissingPackage, StorageFull, Unavailable

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KIND = "modelshelf-key-1"
_SETTING, _SETTING_PUBLIC = "key_id", "public_key"
_NONCE = 12
_OTHERS = stat.S_IRWXO | stat.S_IWGRP
_LARGEST = 10_000


@dataclass(frozen=True, slots=True)
class _Secrets:
    """What the file holds, ready for use; `signing` is Ed25519, `sealing` AES-256-GCM."""

    id: str
    public: bytes
    signing: "Ed25519PrivateKey"
    sealing: "AESGCM"


class Keys:
    """Read, or made with safe permissions, when a key is first needed.

    Whoever stores something that these keys made calls `claim` in the same transaction, before: so a shelf never has
    the work of two keys in it. Every method raises MissingPackage where `cryptography` is not installed, and
    Unavailable where the file can't be read or made, is open to others, or where the shelf was opened without one.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._secrets: _Secrets | None = None

    @property
    def key_id(self) -> str:
        """16 hexadecimal digits that name the key pair: the first of the SHA-256 of the public key."""
        return self._loaded().id

    @property
    def public_key(self) -> bytes:
        """The 32 bytes of the Ed25519 public key."""
        return self._loaded().public

    def sign(self, message: bytes) -> bytes:
        """The 64 bytes of an Ed25519 signature."""
        return self._loaded().signing.sign(message)

    def encrypt(self, secret: bytes, *, context: str) -> str:
        """A text that only this key, told the same context, makes readable again; any change of it is noticed."""
        loaded, nonce = self._loaded(), os.urandom(_NONCE)
        sealed = nonce + loaded.sealing.encrypt(nonce, secret, context.encode())
        return f"v1.{loaded.id}.{base64.b64encode(sealed).decode()}"

    def decrypt(self, text: str, *, context: str) -> bytes:
        """What was encrypted. Raises Unavailable for another key's, another context's or an altered text."""
        loaded = self._loaded()
        from cryptography.exceptions import InvalidTag

        version, _, rest = text.partition(".")
        key_id, _, sealed = rest.partition(".")
        if version == "v1" and sealed and key_id != loaded.id:
            raise self._another(key_id, loaded.id)
        try:
            raw = base64.b64decode(sealed if version == "v1" else "", validate=True)
            return loaded.sealing.decrypt(raw[:_NONCE], raw[_NONCE:], context.encode())
        except (InvalidTag, ValueError):
            raise Unavailable(
                f"a stored secret ({context}) was altered, or moved from elsewhere; set it anew"
            ) from None

    def claim(self, tx: Transaction) -> str:
        """Make this the key of the shelf if it has none yet; its id. Raises Unavailable where another one is."""
        recorded = shelf.setting(tx, _SETTING)
        if recorded is not None and self._secrets is None and not self._located().exists():
            raise Unavailable(
                f"the key {recorded} of this shelf is not here: copy its file to {self._path}, or name the file with "
                "MODELSHELF_KEY_FILE; all who write to a shelf share one",
                key_id=recorded,
            )
        own = self.key_id
        if recorded is None:
            recorded = shelf.put_setting_once(tx, _SETTING, own)
            shelf.put_setting_once(tx, _SETTING_PUBLIC, base64.b64encode(self.public_key).decode())
        if recorded != own:
            raise self._another(recorded, own)
        return own

    def recorded(self, tx: Transaction) -> tuple[bytes, str]:
        """The public key of the shelf and where it is from: `key file`, or `database` where the file is not here.

        Empty where the shelf has none yet. Nothing is made, and `cryptography` is needed only where there is a file.
        """
        written = shelf.setting(tx, _SETTING_PUBLIC) or ""
        if self._path is not None and self._path.exists():
            return self.public_key, "key file"
        return base64.b64decode(written), "database"

    def _another(self, wanted: str, own: str) -> Unavailable:
        return Unavailable(
            f"this shelf has the key {wanted}, and {self._path} holds {own}: use the file of the other servers "
            "(MODELSHELF_KEY_FILE)",
            key_id=wanted,
        )

    def _located(self) -> Path:
        if self._path is None:
            raise Unavailable("this shelf was opened without a key file; name one with MODELSHELF_KEY_FILE")
        return self._path

    def _loaded(self) -> _Secrets:
        if self._secrets is None:
            with self._lock:
                path = self._located()
                self._secrets = self._secrets or _ready(_read(path) if path.exists() else _made(path), path)
        return self._secrets


def public_id(public: bytes) -> str:
    """What a public key is called."""
    return hashlib.sha256(public).hexdigest()[:16]


def _ready(content: str, path: Path) -> _Secrets:
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError:
        raise _missing() from None
    try:
        fields = json.loads(content)
        sign = fields["sign"] if fields["kind"] == _KIND else ""
        signing = Ed25519PrivateKey.from_private_bytes(base64.b64decode(sign, validate=True))
        sealing = AESGCM(base64.b64decode(fields["encrypt"], validate=True))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise Unavailable(f"{path} is not a key file of Modelshelf; restore it from a backup") from error
    public = signing.public_key().public_bytes_raw()
    return _Secrets(public_id(public), public, signing, sealing)


def _missing() -> MissingPackage:
    return MissingPackage(
        "signing and encryption need cryptography: pip install 'modelshelf[server]'", package="cryptography"
    )


def _read(path: Path) -> str:
    """The file's text. Raises Unavailable where others may read or change it, as ssh does with its keys."""
    try:
        mode = path.stat().st_mode
        if mode & _OTHERS:
            raise Unavailable(f"{path} is open to others (mode {mode & 0o777:03o}); close it: chmod 600 {path}")
        with path.open(encoding="utf-8") as file:
            return file.read(_LARGEST)
    except (OSError, UnicodeDecodeError) as error:
        raise Unavailable(f"cannot read the key file {path}: {error}") from error


def _made(path: Path) -> str:
    """A new key in a new file; where another process is quicker, its key."""
    try:
        import cryptography  # noqa: F401 - no file is made where it could not be used
    except ModuleNotFoundError:
        raise _missing() from None
    sign, encrypt = (base64.b64encode(os.urandom(32)).decode() for _ in range(2))
    content = json.dumps({"kind": _KIND, "sign": sign, "encrypt": encrypt}, indent=1) + "\n"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            _write(temporary, content)
            with suppress(FileExistsError):
                os.link(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
        _sync(path.parent)
    except OSError as error:
        raise StorageFull(
            f"cannot make the key file {path}: {error.strerror}; name a place you may write to with MODELSHELF_KEY_FILE"
        ) from error
    return _read(path)


def _write(path: Path, content: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def key_path(text: str) -> Path:
    """The path of a key file that was named. Raises Invalid for a folder."""
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise Invalid(f"the key file {path} is a folder; name a file in it")
    return path


def is_signed(message: bytes, signature: bytes, public: bytes) -> bool:
    """Whether a message was signed with the key of a public key. Raises MissingPackage without `cryptography`."""
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    except ModuleNotFoundError:
        raise _missing() from None
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
