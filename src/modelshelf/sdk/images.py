"""Images of runs: single files, and series of them by key and step."""

import re
import uuid
from typing import Any

from modelshelf.domain.errors import Invalid
from modelshelf.sdk.active import now_ms
from modelshelf.sdk.run_files import is_instance, put_written
from modelshelf.services.registry import Registry

IMAGES_TAG = "mlflow.loggedImages"
_KEY = re.compile(r"[a-zA-Z0-9_\-./ ]+")
_PREVIEW = 256
"""Pixels of the longer side of the small copy that goes with each image of a series."""


def log_image(
    shelf: Registry,
    run_id: str,
    image: Any,
    artifact_file: str | None,
    *,
    key: str | None = None,
    step: int | None = None,
    time_ms: int | None = None,
) -> None:
    """Store an image as a file, or under a key as one of a series, which the run's tags then tell.

    It is one of Pillow, or an array of shape (height, width[, 1, 3 or 4]): whole numbers to 255, or floats to 1.
    """
    if (artifact_file is None) == (key is None):
        raise TypeError("name either artifact_file, for one image, or key, for a series of them")
    if artifact_file is not None and (step is not None or time_ms is not None):
        raise TypeError("step and timestamp are of a series: give key instead of artifact_file")
    picture, root = _picture(image), shelf.tracking.run(run_id).artifact_root
    if artifact_file is not None:
        put_written(shelf, root, artifact_file, picture.save)
        return
    name = _name(str(key), step or 0, now_ms() if time_ms is None else time_ms)
    preview = picture.copy()
    preview.thumbnail((_PREVIEW, _PREVIEW))
    put_written(shelf, root, f"{name}.png", picture.save)
    put_written(shelf, root, f"{name}+compressed.webp", preview.save)
    shelf.tracking.tag_run(run_id, {IMAGES_TAG: "True"})


def _name(key: str, step: int, time_ms: int) -> str:
    if not _KEY.fullmatch(key):
        raise Invalid(
            f"invalid key of images {key!r}: only letters, digits, spaces and '_', '-', '.', '/' may be in it"
        )
    return f"images/{key.replace('/', '~')}+step+{step}+timestamp+{time_ms}+{uuid.uuid4()}"


def _picture(image: Any) -> Any:
    from PIL import Image

    if isinstance(image, Image.Image):
        return image
    if not is_instance(image, "numpy", "ndarray"):
        raise TypeError(f"an image must be a numpy array or one of Pillow, not {type(image)}")
    return Image.fromarray(_pixels(image))


def _pixels(array: Any) -> Any:
    import numpy as np

    if array.ndim not in {2, 3} or (array.ndim == 3 and array.shape[2] not in {1, 3, 4}):
        raise Invalid(f"an image has the shape (height, width) or (height, width, 1, 3 or 4), not {array.shape}")
    if array.dtype.kind not in "biuf":
        raise Invalid(f"an image has numbers, not {array.dtype}")
    largest = 1 if array.dtype.kind in "bf" else 255
    if array.size and not (array.min() >= 0 and array.max() <= largest):
        raise Invalid(f"an image of {array.dtype} has values from 0 to {largest}")
    pixels = (array * (255 // largest)).astype(np.uint8)
    return pixels[:, :, 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
