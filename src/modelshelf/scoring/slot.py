"""The place that holds the live model: loaded, warmed, swapped and drained."""

import logging
import time
import warnings
from collections.abc import Callable
from typing import Any

from modelshelf.domain.errors import Invalid, NotFound
from modelshelf.flavors.pyfunc_model import PyFuncModel
from modelshelf.scoring import payload, predictions
from modelshelf.scoring.matrices import MatrixReader, matrix_reader
from modelshelf.scoring.payload import Expected, Payload
from modelshelf.scoring.refusals import CellsMissing, ModelFailed
from modelshelf.sdk.following import Follower
from modelshelf.sdk.live import Answered, FollowerState, Loaded

QUICK_SECONDS = 0.002
"""Requests that take no longer are answered by the event loop itself: handing them to a thread costs as much."""

WARM_ROUNDS = 3

_log = logging.getLogger("modelshelf.scoring")


class Ready:
    """A version that was warmed: its model, and the shortest way to ask it."""

    def __init__(self, version: int, model: PyFuncModel, *, most_rows: int) -> None:
        self.version, self.model = version, model
        metadata = model.metadata
        self.expected = Expected(metadata.get_input_schema(), metadata.is_signature_from_type_hint, most_rows)
        self._matrix: MatrixReader | None = None
        self._predictor: Any = model._model_impl  # noqa: SLF001 - MLflow's name for it

    def warm(self) -> None:
        """Ask it for its own example, so that nobody waits for what is done once. Raises what the model raises."""
        example = self.model.input_example
        if example is not None:
            params = self.model.metadata.load_input_example_params(self.model._folder)  # noqa: SLF001 - its own files
            for _ in range(WARM_ROUNDS):
                self.model.predict(example, params)
        self._matrix = self._checked_matrix(example)

    def invoke(self, body: bytes, kind: str) -> bytes:
        """The answer to a body of MLflow's protocol. Raises Invalid, CellsMissing or ModelFailed."""
        if self._matrix is not None and kind == "application/json":
            matrix = self._matrix.read(body)
            if matrix is not None:
                payload.check_rows(len(matrix), self.expected)
                return predictions.answer(self._guarded(lambda: self._predictor.predict(matrix), matrix))
        return predictions.answer(self.predict(payload.read(body, kind, self.expected)))

    def predict(self, asked: Payload) -> Any:
        """The model's prediction. Raises SignatureMismatch, CellsMissing or ModelFailed."""
        return self._guarded(lambda: self.model.predict(asked.data, asked.params), asked.data)

    def _guarded(self, predict: Callable[[], Any], data: Any) -> Any:
        try:
            return predict()
        except Invalid:
            raise
        except Exception as error:
            names = self.expected.schema.input_names() if self.expected.schema is not None else []
            missing = _first_missing(data, names)
            if missing:
                raise CellsMissing(f"the model failed, perhaps because {missing}") from error
            raise ModelFailed(str(self.version)) from error

    def _checked_matrix(self, example: Any) -> MatrixReader | None:
        """The short way, if it gives what the long way gives, for the example or for made-up rows."""
        reader = matrix_reader(self.model)
        if reader is None:
            return None
        import numpy as np

        names = self.expected.schema.input_names() if self.expected.schema is not None else []
        given = example.to_dict(orient="records") if hasattr(example, "to_dict") else []
        rows = given or [dict.fromkeys(names, 0), dict.fromkeys(names, 1)]
        body = predictions.encode({"dataframe_records": rows})
        try:
            matrix = reader.read(body)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                short = self._predictor.predict(matrix)
                long = self.model.predict(payload.read(body, "application/json", self.expected).data)
            same = type(short) is type(long) and short.dtype == long.dtype and np.array_equal(short, long)
        except Exception as error:
            _log.info("version %d is asked with DataFrames: %s", self.version, error)
            return None
        return reader if same else None


def _first_missing(data: Any, names: list[Any]) -> str:
    """The first cell without any value or a finite number, in words; empty where all are there."""
    try:
        if hasattr(data, "__len__") and not len(data):
            return "there are no rows"
        if hasattr(data, "columns"):
            for name in data.columns:
                absent = data[name].isna().to_numpy() | (
                    abs(data[name]).to_numpy() == float("inf") if data[name].dtype.kind == "f" else False
                )
                if absent.any():
                    return f"column {name!r} has no value in row {int(absent.argmax())}"
            return ""
        if getattr(data, "dtype", None) is not None and data.dtype.kind == "f":
            import numpy as np

            wrong = ~np.isfinite(data)
            if wrong.any():
                row, *rest = np.unravel_index(int(wrong.argmax()), data.shape)
                where = f"column {names[rest[0]]!r}" if rest and rest[0] < len(names) else "the input"
                return f"{where} has no number in row {int(row)}"
    except (TypeError, ValueError):
        return ""
    return ""


class Pace:
    """How long requests of about the same size took lately: the slowest of them, forgotten by and by."""

    def __init__(self) -> None:
        self._seconds: dict[int, float] = {}

    def is_quick(self, size: int) -> bool:
        """Whether a request of so many bytes is answered sooner than a thread could be asked."""
        return self._seconds.get(size.bit_length(), 1.0) < QUICK_SECONDS

    def note(self, size: int, seconds: float) -> None:
        """Take a request into account."""
        known = self._seconds.get(size.bit_length())
        faded = 0.0 if known is None else known * 0.9
        self._seconds[size.bit_length()] = max(seconds, faded)


class Slot:
    """Holds the version that answers, and follows its alias; each request is answered by one version as a whole."""

    def __init__(
        self,
        model_uri: str,
        *,
        trust: bool,
        any_signature: bool,
        most_rows: int,
        on_swap: Callable[[FollowerState], None],
    ) -> None:
        self._most_rows, self._is_first = most_rows, True
        self.pace = Pace()
        self.follower = Follower(
            model_uri,
            trust=trust,
            any_signature=any_signature,
            prepare=self._prepare,
            on_swap=on_swap,
            kind="scorer",
        )

    def _prepare(self, version: int, model: PyFuncModel) -> Ready:
        ready, began = Ready(version, model, most_rows=self._most_rows), time.perf_counter()
        try:
            ready.warm()
        except Exception as error:
            if not self._is_first:
                raise Invalid(
                    f"version {version} fails with its own input example: {type(error).__name__}: {error}"
                ) from error
            _log.warning("version %d fails with its own input example: %s: %s", version, type(error).__name__, error)
        self._is_first = False
        _log.info("version %d is warm after %.0f ms", version, (time.perf_counter() - began) * 1000)
        return ready

    def answer(self, work: Callable[[Ready], Any], *, key: str | None, version: int | None = None) -> Answered:
        """The result of some work with the version that is right for a key, or with a certain one.

        Raises NotFound where that one is not loaded, and what the work raises.
        """
        if version is None:
            return self.follower.serve(lambda loaded: work(loaded.prepared), key=key)
        return self.follower.serve_with(version, lambda loaded: work(loaded.prepared))

    def ready(self, version: int | None = None) -> Ready:
        """A version that answers. Raises NotFound where it does not."""
        loaded: Loaded | None = self.follower.loaded(version)
        if loaded is None:
            raise NotFound(f"version {version} of {self.follower.model} is not served here", version=version)
        prepared: Ready = loaded.prepared
        return prepared
