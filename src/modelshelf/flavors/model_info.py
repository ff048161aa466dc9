"""What is known of a model after it was logged or looked up, under MLflow's names."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from modelshelf.flavors.mlmodel import Model
from modelshelf.flavors.signature import ModelSignature


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """`model_uri` loads the model; `registered_model_version` is set if logging registered it."""

    artifact_path: str | None
    flavors: Mapping[str, Any]
    model_uri: str
    model_uuid: str | None
    run_id: str | None
    saved_input_example_info: Mapping[str, Any] | None
    signature: ModelSignature | None
    utc_time_created: str | None
    mlflow_version: str | None
    metadata: Mapping[str, Any] | None = None
    registered_model_version: int | None = None
    env_vars: list[str] | None = None
    prompts: list[str] | None = None
    model_id: str | None = None
    name: str | None = None
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: tuple[Any, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    step: int = 0
    creation_timestamp: int | None = None

    @property
    def signature_dict(self) -> dict[str, Any] | None:
        return None if self.signature is None else self.signature.to_dict()

    @classmethod
    def of(cls, model: Model, model_uri: str, **known: Any) -> "ModelInfo":
        """The facts of an MLmodel file, with what the file cannot know as keywords (`registered_model_version=`)."""
        facts: dict[str, Any] = {
            "artifact_path": model.artifact_path,
            "flavors": model.flavors,
            "model_uuid": model.model_uuid,
            "run_id": model.run_id,
            "saved_input_example_info": model.saved_input_example_info,
            "signature": model.signature,
            "utc_time_created": model.utc_time_created,
            "mlflow_version": model.mlflow_version,
            "metadata": model.metadata,
            "env_vars": model.env_vars,
            "prompts": model.prompts,
            "model_id": model.model_id,
        }
        return cls(model_uri=model_uri, **{**facts, **known})
