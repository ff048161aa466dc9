"""The routes of the Open Inference Protocol."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from modelshelf.flavors.mlmodel import PYFUNC
from modelshelf.scoring import open_inference
from modelshelf.scoring.predictions import encode
from modelshelf.scoring.refusals import Answer, Refused
from modelshelf.scoring.slot import Ready, Slot

_MODEL = re.compile(r"/v2/models/(?P<name>[^/]+)(?:/versions/(?P<version>[^/]+))?(?:/(?P<what>ready|infer))?")


@dataclass(frozen=True, slots=True)
class Inference:
    """A request for inference, whose body is still to be read."""

    model: str
    version: int | None

    def work(self, body: bytes) -> Callable[[Ready], bytes]:
        """What a version has to do to answer it."""
        return partial(_infer, body, self.model)


def _infer(body: bytes, model: str, ready: Ready) -> bytes:
    request = open_inference.read(body)
    predicted = ready.predict(open_inference.payload(request, ready.expected))
    outputs = ready.model.metadata.get_output_schema()
    return encode(open_inference.answer(request, predicted, model=model, number=ready.version, schema=outputs))


class InferenceEndpoints:
    """What the protocol tells of the server and of its model; the model has the name that it is registered by."""

    def __init__(self, slot: Slot) -> None:
        self._slot, self._model = slot, slot.follower.model

    def find(self, path: str, method: str) -> Answer | Inference:
        """The answer, or the inference that is asked for. Raises Refused, and NotFound for a version not served."""
        match = _MODEL.fullmatch(path)
        wanted = "POST" if match is not None and match["what"] == "infer" else "GET"
        if method != wanted and not (method == "HEAD" and wanted == "GET"):
            raise Refused(f"{path[:200]} takes {wanted}, not {method[:20]}", status=405)
        if match is None:
            return self._of_server(path)
        if match["name"] != self._model:
            raise Refused(f"there is no model {match['name'][:200]!r} here, only {self._model!r}", status=404)
        version = _number(match["version"])
        ready = self._slot.ready(version)
        if match["what"] == "infer":
            return Inference(self._model, version)
        if match["what"] == "ready":
            return Answer(200, encode({"name": self._model, "ready": True}))
        return Answer(200, encode(self._described(ready)))

    def _of_server(self, path: str) -> Answer:
        known: dict[str, dict[str, Any]] = {
            "/v2": open_inference.server_metadata(),
            "/v2/health/live": {"live": True},
            "/v2/health/ready": {"ready": True},
        }
        if path.rstrip("/") not in known:
            raise Refused(f"there is no {path[:200]} in version 2 of the protocol", status=404)
        return Answer(200, encode(known[path.rstrip("/")]))

    def _described(self, ready: Ready) -> dict[str, Any]:
        state = self._slot.follower.state
        facts = ready.model.metadata
        described: dict[str, Any] = open_inference.metadata(
            self._model,
            [number for number in (state.version, state.target) if number is not None],
            platform=str(facts.flavor(PYFUNC).get("loader_module", "")),
            inputs=facts.get_input_schema(),
            outputs=facts.get_output_schema(),
        )
        return described


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 10:
        raise Refused(f"versions are numbers, not {text[:40]!r}", status=404)
    return int(text)
