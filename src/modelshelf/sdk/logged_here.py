"""What this process has logged itself: nobody has to vouch for bytes that it wrote a moment ago."""

from modelshelf.domain.artifacts import Manifest

_manifests: set[str] = set()


def note(manifest: Manifest) -> None:
    """Remember a model that this process has just logged, by its content."""
    _manifests.add(manifest.id)


def holds(manifest: Manifest) -> bool:
    """Whether this process logged a model of exactly this content."""
    return manifest.id in _manifests
