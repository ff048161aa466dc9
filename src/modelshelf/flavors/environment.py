"""The files beside a model that say what to install: requirements.txt, python_env.yaml and conda.yaml."""

import platform
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.requirements import infer, parse, version_of

ENTRY = {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}
_REQUIREMENTS = "requirements.txt"
_BUILD_TOOLS = ("pip", "setuptools", "wheel")


@dataclass(frozen=True, slots=True)
class Environment:
    """What the caller said about the model's packages; with nothing said, they are inferred."""

    pip_requirements: Any = None
    extra_pip_requirements: Any = None
    conda_env: Any = None

    def __post_init__(self) -> None:
        given = [name for name in ("pip_requirements", "extra_pip_requirements", "conda_env") if getattr(self, name)]
        if len(given) > 1:
            raise Invalid(f"give only one of {given}", arguments=given)

    def write(self, folder: Path, *, modules: Iterable[str], always: Iterable[str]) -> None:
        """Writes the three files; `modules` are what the model refers to, `always` the packages its format needs."""
        conda = _conda(self.conda_env) if self.conda_env else None
        lines = _pip_section(conda) if conda else self._lines(modules, always)
        _write_yaml(folder / ENTRY["conda"], conda or _conda_of(lines))
        _write_yaml(folder / ENTRY["virtualenv"], _python_env())
        (folder / _REQUIREMENTS).write_text("\n".join(lines), encoding="utf-8")

    def _lines(self, modules: Iterable[str], always: Iterable[str]) -> list[str]:
        if self.pip_requirements is not None:
            return parse(self.pip_requirements, argument="pip_requirements")
        inferred = infer(modules, always=always)
        if self.extra_pip_requirements is None:
            return inferred
        extra = parse(self.extra_pip_requirements, argument="extra_pip_requirements")
        stated = {_name(line) for line in extra}
        return [line for line in inferred if _name(line) not in stated] + extra


def _name(line: str) -> str:
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    try:
        return canonicalize_name(Requirement(line).name)
    except InvalidRequirement:
        return line


def _conda(given: Any) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    import yaml

    try:
        content = yaml.safe_load(Path(given).read_text(encoding="utf-8"))
    except (OSError, TypeError, yaml.YAMLError) as fault:
        raise Invalid(f"conda_env: {given} cannot be read: {fault}", argument="conda_env") from fault
    if not isinstance(content, dict):
        raise Invalid(f"conda_env: {given} is not a mapping", argument="conda_env")
    return content


def _pip_section(conda: dict[str, Any]) -> list[str]:
    for each in conda.get("dependencies") or ():
        if isinstance(each, dict) and "pip" in each:
            return parse(each["pip"], argument="conda_env")
    return []


def _conda_of(lines: list[str]) -> dict[str, Any]:
    pip = version_of("pip")
    return {
        "channels": ["conda-forge"],
        "dependencies": [
            f"python={platform.python_version()}",
            f"pip<={pip}" if pip else "pip",
            {"pip": lines},
        ],
        "name": "mlflow-env",
    }


def _python_env() -> dict[str, Any]:
    versions = {tool: version_of(tool) for tool in _BUILD_TOOLS}
    return {
        "python": platform.python_version(),
        "build_dependencies": [f"{tool}=={version}" if version else tool for tool, version in versions.items()],
        "dependencies": [f"-r {_REQUIREMENTS}"],
    }


def _write_yaml(path: Path, content: dict[str, Any]) -> None:
    import yaml

    path.write_text(yaml.safe_dump(content, default_flow_style=False, sort_keys=False), encoding="utf-8")
