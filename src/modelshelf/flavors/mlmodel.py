"""The MLmodel file of a model directory: reading, writing, and the facts it states."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import InvalidModel
from modelshelf.flavors.schema import ParamSchema, Schema
from modelshelf.flavors.signature import ModelSignature

FILE_NAME = "MLmodel"
PYFUNC = "python_function"
# The MLflow release whose format this module writes; readers decide by it how to read the file.
FORMAT_VERSION = "3.17.2"
_LARGEST_FILE = 16 * 1024 * 1024
_OMITTED_IF_NONE = (
    "artifact_path",
    "run_id",
    "metadata",
    "saved_input_example_info",
    "signature",
    "resources",
    "env_vars",
    "auth_policy",
)
_ABOUT_SIGNATURE = ("is_signature_from_type_hint", "type_hint_from_example")


@dataclass(frozen=True, slots=True)
class Model:
    """What an MLmodel file says. `others` keeps keys this version does not know."""

    artifact_path: str | None = None
    run_id: str | None = None
    utc_time_created: str | None = None
    flavors: Mapping[str, Any] = field(default_factory=dict)
    signature: ModelSignature | None = None
    saved_input_example_info: Mapping[str, Any] | None = None
    model_uuid: str | None = None
    mlflow_version: str | None = FORMAT_VERSION
    metadata: Mapping[str, Any] | None = None
    model_size_bytes: int | None = None
    resources: Any = None
    env_vars: list[str] | None = None
    auth_policy: Any = None
    model_id: str | None = None
    prompts: list[str] | None = None
    is_signature_from_type_hint: bool = False
    type_hint_from_example: bool = False
    others: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def load(cls, path: str | Path) -> "Model":
        """Reads the MLmodel file of a directory, or the file itself.

        Raises InvalidModel, naming the file, if it is missing, too large, not YAML, without flavors or has the wrong
        shapes. A loader_module that is not known here is fine: others may load the model.
        """
        file = Path(path)
        file = file / FILE_NAME if file.is_dir() else file
        try:
            model = cls.from_dict(_read_yaml(file))
            model.check_flavors()
        except RecursionError as fault:
            raise InvalidModel(f"{file}: it is nested too deeply", path=str(file)) from fault
        except InvalidModel as fault:
            if "path" in fault.details:
                raise
            raise InvalidModel(f"{file}: {fault.message}", path=str(file), **fault.details) from fault
        return model

    @classmethod
    def from_dict(cls, content: Any) -> "Model":
        """Raises InvalidModel where a key has the wrong shape."""
        if not isinstance(content, Mapping):
            raise InvalidModel(f"a mapping is needed, not {type(content).__name__}")
        known = {each.name for each in fields(cls)} - {"others"}
        facts = {name: value for name, value in content.items() if name in known and value is not None}
        _check_shapes(facts)
        if "signature" in facts:
            facts["signature"] = ModelSignature.from_dict(facts["signature"])
        if "utc_time_created" in facts:
            facts["utc_time_created"] = str(facts["utc_time_created"])
        others = {name: value for name, value in content.items() if name not in known}
        facts.setdefault("mlflow_version", None)
        return cls(**facts, others=others)

    def to_dict(self) -> dict[str, Any]:
        content = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "others"}
        content["signature"] = self.signature.to_dict() if self.signature is not None else None
        if self.signature is None:
            content = {name: value for name, value in content.items() if name not in _ABOUT_SIGNATURE}
        kept = {name: value for name, value in content.items() if value is not None or name not in _OMITTED_IF_NONE}
        return {**self.others, **kept}

    def to_yaml(self) -> str:
        import yaml

        return str(yaml.safe_dump(_plain(self.to_dict()), default_flow_style=False, allow_unicode=True))

    def save(self, path: str | Path) -> None:
        """Writes the file; `path` is the MLmodel file itself."""
        Path(path).write_text(self.to_yaml(), encoding="utf-8")

    def add_flavor(self, name: str, **settings: Any) -> "Model":
        """A copy with one more flavor."""
        return replace(self, flavors={**self.flavors, name: settings})

    def flavor(self, name: str) -> Mapping[str, Any]:
        """The settings of a flavor; raises InvalidModel if the model does not have it."""
        if name not in self.flavors:
            has = sorted(self.flavors)
            raise InvalidModel(f"the model has no flavor {name!r}; it has {has}", flavor=name, flavors=has)
        settings = self.flavors[name]
        if not isinstance(settings, Mapping):
            kind = type(settings).__name__
            raise InvalidModel(f"the flavor {name!r} is a {kind}, not a mapping", flavor=name)
        return settings

    def check_flavors(self) -> None:
        """Raises InvalidModel unless there is a flavor to load, and each says how."""
        if not self.flavors:
            raise InvalidModel("flavors is empty or missing, so nothing can load the model", key="flavors")
        for name in self.flavors:
            self.flavor(name)
        loader = self.flavor(PYFUNC).get("loader_module") if PYFUNC in self.flavors else ""
        if not isinstance(loader, str):
            raise InvalidModel(f"the flavor {PYFUNC!r} has the loader_module {loader!r}, not a name", flavor=PYFUNC)

    def get_input_schema(self) -> Schema | None:
        return self.signature.inputs if self.signature else None

    def get_output_schema(self) -> Schema | None:
        return self.signature.outputs if self.signature else None

    def get_params_schema(self) -> ParamSchema | None:
        return self.signature.params if self.signature else None

    def load_input_example(self, path: str | Path) -> Any:
        """The example saved in the model's directory `path`, or None."""
        from modelshelf.flavors.example import load_example

        return load_example(Path(path), self.saved_input_example_info)

    def load_input_example_params(self, path: str | Path) -> dict[str, Any] | None:
        """The params saved with the example, or None."""
        from modelshelf.flavors.example import load_example_params

        return load_example_params(Path(path), self.saved_input_example_info)


def _read_yaml(file: Path) -> Any:
    import yaml

    if not file.is_file():
        raise InvalidModel(f"{file}: there is no such file; is the directory a model?", path=str(file))
    if file.stat().st_size > _LARGEST_FILE:
        raise InvalidModel(f"{file}: it is larger than {_LARGEST_FILE} bytes", path=str(file))
    try:
        # CSafeLoader is SafeLoader in C; PyYAML may have been built without it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        return yaml.load(file.read_bytes(), Loader=loader)  # noqa: S506 — both are the safe loader
    except yaml.YAMLError as fault:
        raise InvalidModel(f"{file}: it is not YAML: {fault}", path=str(file)) from fault


_SHAPES: dict[str, type | tuple[type, ...]] = {
    "artifact_path": str,
    "run_id": str,
    "flavors": Mapping,
    "saved_input_example_info": Mapping,
    "model_uuid": str,
    "mlflow_version": str,
    "metadata": Mapping,
    "model_size_bytes": int,
    "env_vars": list,
    "model_id": str,
    "prompts": list,
    "is_signature_from_type_hint": bool,
    "type_hint_from_example": bool,
}


def _check_shapes(facts: Mapping[str, Any]) -> None:
    for name, kind in _SHAPES.items():
        if name in facts and not isinstance(facts[name], kind):
            wanted = getattr(kind, "__name__", kind)
            raise InvalidModel(f"{name} is a {type(facts[name]).__name__}, not a {wanted}", key=name)


def _plain(value: Any) -> Any:
    """Only what a safe YAML loader reads back: mappings as dicts, sequences as lists, paths as text."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return value.as_posix()
    return value.item() if type(value).__module__ == "numpy" and hasattr(value, "item") else value
