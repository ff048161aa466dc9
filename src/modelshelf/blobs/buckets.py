"""From a URI to a bucket: `s3://bucket/prefix`, `gs://…` or `az://…`, with the variables that other tools read."""

import configparser
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from obstore.store import AzureStore, GCSStore, S3Store

from modelshelf.blobs.bucket import Bucket, Objects
from modelshelf.domain.errors import Invalid

if TYPE_CHECKING:
    from obstore.store import S3Config

SCHEMES = ("s3", "gs", "az")
_URI = re.compile(r"(s3|gs|az)://([A-Za-z0-9][A-Za-z0-9._-]{1,254})(?:/(.*))?")
_PREFIX_PART = re.compile(r"[A-Za-z0-9_=+@,.-]+")
_RETRIES = 6


@dataclass(frozen=True, slots=True)
class BucketUri:
    """A bucket, and the prefix of the keys in it that are ours."""

    scheme: str
    bucket: str
    prefix: str

    @classmethod
    def parse(cls, text: str) -> "BucketUri":
        """Raises Invalid, also for a user, a query or a port: where the store is, and who asks it, variables tell."""
        found = _URI.fullmatch(text)
        parts = [] if not found or not found[3] else found[3].strip("/").split("/")
        if not found or not all(_PREFIX_PART.fullmatch(part) and part.strip(".") for part in parts):
            shown = re.sub(r"//[^/]*@", "//***@", text)
            raise Invalid(
                f"{shown!r} names no bucket; write s3://bucket/prefix, gs://bucket/prefix or az://container/prefix, "
                "and put the address of an S3-compatible store into AWS_ENDPOINT_URL",
                uri=shown,
            )
        return cls(found[1], found[2], "/".join(parts))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.bucket}{'/' if self.prefix else ''}{self.prefix}"


@dataclass(frozen=True, slots=True)
class S3Keys:
    """Who asks. Never part of a message or a setting."""

    access_key: str
    secret_key: str = field(repr=False)
    token: str = field(default="", repr=False)


def open_bucket(uri: str, environment: Mapping[str, str], *, retries: int = _RETRIES) -> Bucket:
    """A bucket that is asked when it is first used."""
    parsed = BucketUri.parse(uri)
    return Bucket(_objects(parsed, environment, retries), str(parsed))


def s3_keys(environment: Mapping[str, str]) -> S3Keys | None:
    """The keys in the environment, or in a profile of the AWS tools; None where a role is to be assumed instead."""
    if environment.get("AWS_ACCESS_KEY_ID") and environment.get("AWS_SECRET_ACCESS_KEY"):
        token = environment.get("AWS_SESSION_TOKEN", "")
        return S3Keys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], token)
    if environment.get("AWS_WEB_IDENTITY_TOKEN_FILE") or environment.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"):
        return None
    return _profile_keys(environment)


def tls_context(environment: Mapping[str, str]) -> ssl.SSLContext | None:
    """Whom to believe besides those that the system believes; None where that is nobody."""
    if _ignores_tls(environment):
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context
    if environment.get("AWS_CA_BUNDLE"):
        return ssl.create_default_context(cadata=_certificates(Path(environment["AWS_CA_BUNDLE"])).decode())
    return None


def _profile_keys(environment: Mapping[str, str]) -> S3Keys | None:
    named = environment.get("AWS_SHARED_CREDENTIALS_FILE")
    file = Path(named or Path(environment.get("HOME", "/")) / ".aws" / "credentials").expanduser()
    profile = environment.get("AWS_PROFILE", "default")
    profiles = configparser.RawConfigParser()
    try:
        profiles.read(file, encoding="utf-8")
    except (configparser.Error, OSError, UnicodeDecodeError):
        raise Invalid(f"the file of credentials {file} cannot be read; correct it", path=str(file)) from None
    if not profiles.has_section(profile):
        if "AWS_PROFILE" in environment and file.exists():
            raise Invalid(f"there is no profile {profile!r} (AWS_PROFILE) in {file}; name one of it", path=str(file))
        return None
    found = profiles[profile]
    if "aws_access_key_id" not in found or "aws_secret_access_key" not in found:
        return None
    return S3Keys(found["aws_access_key_id"], found["aws_secret_access_key"], found.get("aws_session_token", ""))


def _objects(uri: BucketUri, environment: Mapping[str, str], retries: int) -> Objects:
    given: dict[str, Any] = {
        "prefix": uri.prefix or None,
        "client_options": _client(environment),
        "retry_config": {
            "max_retries": retries,
            "backoff": {"init_backoff": timedelta(milliseconds=100), "max_backoff": timedelta(seconds=5), "base": 2},
        },
    }
    if uri.scheme == "gs":
        return GCSStore(uri.bucket, **given)
    if uri.scheme == "az":
        return AzureStore(uri.bucket, **given)
    return S3Store(uri.bucket, config=_s3_config(environment), **given)


def _client(environment: Mapping[str, str]) -> dict[str, Any]:
    """No limit depends on an object's size: a request carries a part at most, or waits for a copy in the store."""
    options: dict[str, Any] = {
        "timeout": timedelta(minutes=30),
        "read_timeout": timedelta(minutes=3),
        "connect_timeout": timedelta(seconds=5),
    }
    if any(address.startswith("http://") for address in (_s3_address(environment), *_other_addresses(environment))):
        options["allow_http"] = True
    if _ignores_tls(environment):
        options["allow_invalid_certificates"] = True
    if environment.get("AWS_CA_BUNDLE"):
        options["root_certificate"] = _certificates(Path(environment["AWS_CA_BUNDLE"]))
    return options


def _ignores_tls(environment: Mapping[str, str]) -> bool:
    return environment.get("MLFLOW_S3_IGNORE_TLS", "").lower() in {"1", "true"}


def _certificates(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"the file {file} (AWS_CA_BUNDLE) cannot be read: {error.strerror}", path=str(file)) from error


def _s3_config(environment: Mapping[str, str]) -> "S3Config":
    config: S3Config = {"disable_bulk_delete": True}  # one at a time is all we do, and every store knows how to
    if address := _s3_address(environment):
        config["endpoint"] = address
    if keys := s3_keys(environment):
        config["access_key_id"], config["secret_access_key"] = keys.access_key, keys.secret_key
        if keys.token:
            config["session_token"] = keys.token
    return config


def _s3_address(environment: Mapping[str, str]) -> str:
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT", "MLFLOW_S3_ENDPOINT_URL")
    return next((environment[name] for name in names if environment.get(name)), "").rstrip("/")


def _other_addresses(environment: Mapping[str, str]) -> tuple[str, ...]:
    return tuple(environment.get(name, "") for name in ("AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT", "GOOGLE_BASE_URL"))
