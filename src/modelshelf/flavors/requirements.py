"""Which packages a model needs, with the versions installed here; found in-process, without loading the model.

Only what the model refers to is listed. `mlflow` and `modelshelf` are not, unless the model's own code uses them:
either can load the directory, so the environment that loads it has one of them already.
"""

import ast
import sys
from collections.abc import Iterable
from functools import cache
from importlib import metadata, util
from pathlib import Path
from typing import Any

from modelshelf.domain.errors import Invalid

# Modules whose package has another name. Reading every installed package's file list, the only general way, takes
# a hundred times as long.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
_NOT_LISTED = {"__main__", "__mp_main__"}


def distribution_of(module: str) -> str:
    """The package to install for a module; the module's own name where nothing better is known."""
    top = module.partition(".")[0]
    return _installed_distribution(top) or _DISTRIBUTIONS.get(top, top)


def is_installed(module: str) -> bool:
    """Whether the top-level module can be imported; nothing is imported for it.

    A mere folder of that name on the path is a module to Python, but not the package.
    """
    try:
        spec = util.find_spec(module)
    except (ImportError, ValueError):
        return False
    return spec is not None and spec.origin is not None


@cache
def _installed_distribution(top: str) -> str | None:
    for name in (_DISTRIBUTIONS.get(top), top):
        if name and version_of(name):
            return name
    if top in sys.builtin_module_names or not is_installed(top):
        return None
    found = _all_distributions().get(top)
    return found[0] if found else None


@cache
def _all_distributions() -> dict[str, list[str]]:
    return {module: list(names) for module, names in metadata.packages_distributions().items()}


@cache
def version_of(distribution: str) -> str | None:
    """The installed version without its local part (`+cu124`), which no index serves; None if not installed."""
    try:
        return metadata.version(distribution).partition("+")[0]
    except metadata.PackageNotFoundError:
        return None


def infer(modules: Iterable[str], *, always: Iterable[str] = ()) -> list[str]:
    """Pinned requirements for the modules, sorted; `always` are packages that the format needs."""
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - _NOT_LISTED
    found = {_installed_distribution(top) for top in tops if top} | set(always)
    pinned = {name: version_of(name) for name in found if name}
    return sorted((f"{name}=={version}" for name, version in pinned.items() if version), key=str.lower)


def of_no_package(modules: Iterable[str]) -> set[str]:
    """The top-level modules that no installed package has: somebody's own files, which will not be there elsewhere."""
    tops = {module.partition(".")[0] for module in modules} - sys.stdlib_module_names - _NOT_LISTED
    return {top for top in tops if top and _is_source(top) and _installed_distribution(top) is None}


def _is_source(top: str) -> bool:
    # Compiled packages make modules without a file for their own use.
    file = getattr(sys.modules.get(top), "__file__", None)
    return isinstance(file, str) and file.endswith(".py")


def imported_by(sources: Iterable[Path]) -> set[str]:
    """The modules that Python files import; files and folders given."""
    found: set[str] = set()
    for source in sources:
        for file in sorted(source.rglob("*.py")) if source.is_dir() else [source]:
            if file.suffix == ".py":
                found |= _imports(file)
    own = {path.stem for path in sources}
    return {module for module in found if module.partition(".")[0] not in own}


def _imports(file: Path) -> set[str]:
    try:
        tree = ast.parse(file.read_bytes())
    except SyntaxError:
        return set()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


def parse(requirements: Any, *, argument: str) -> list[str]:
    """Requirements given as a list or as the path of a file; `-r` lines are followed."""
    if isinstance(requirements, str | Path):
        return _read(Path(requirements), argument=argument)
    if not isinstance(requirements, Iterable):
        raise Invalid(f"{argument} must be a list of requirements or the path of a file", argument=argument)
    return [each for line in requirements for each in _line(str(line), Path(), argument=argument)]


def _read(file: Path, *, argument: str) -> list[str]:
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as fault:
        raise Invalid(f"{argument}: {file} cannot be read: {fault}", argument=argument) from fault
    return [each for line in lines for each in _line(line, file.parent, argument=argument)]


def _line(text: str, folder: Path, *, argument: str) -> list[str]:
    line = text.strip()
    if not line or line.startswith("#"):
        return []
    option, _, rest = line.partition(" ")
    if option in {"-r", "--requirement"}:
        return _read(folder / rest.strip(), argument=argument)
    if option in {"-c", "--constraint"}:
        raise Invalid(
            f"{argument}: constraints ({line}) are not supported; pin the packages instead", argument=argument
        )
    return [line]
