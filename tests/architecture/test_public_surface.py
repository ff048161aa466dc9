"""The public surface: every name in `__all__`, every name with a home, and nothing loaded before it is needed."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import modelshelf
from modelshelf import client, data, entities, exceptions, rollouts, tracking

SOURCE = Path(modelshelf.__file__).parent
HEAVY = (
    "click",
    "cloudpickle",
    "jinja2",
    "matplotlib",
    "mlflow",
    "msgspec",
    "numpy",
    "pandas",
    "psycopg",
    "rich",
    "sklearn",
    "skops",
    "sqlite3",
    "starlette",
    "yaml",
)


def loaded_after(code: str) -> list[str]:
    """Which of the heavy packages a new interpreter has loaded once it ran the code."""
    report = f"import sys\n{code}\nprint(*(name for name in {HEAVY!r} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", report], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.split()


def seen_by_type_checkers() -> set[str]:
    """The names that editors and mypy see in the package."""
    tree = ast.parse((SOURCE / "__init__.py").read_text(encoding="utf-8"))
    (guarded,) = (node for node in tree.body if isinstance(node, ast.If))
    return {
        alias.asname or alias.name for node in guarded.body if isinstance(node, ast.ImportFrom) for alias in node.names
    }


def test_importing_the_package_loads_nothing_heavy_and_none_of_its_own_parts() -> None:
    code = "import modelshelf\nassert not [name for name in sys.modules if name.startswith('modelshelf.')]"

    assert loaded_after(code) == []


def test_logging_to_a_run_loads_no_package_that_it_does_not_need(tmp_path: Path) -> None:
    code = f"""
import modelshelf
modelshelf.set_tracking_uri({str(tmp_path / "shelf.db")!r})
with modelshelf.start_run():
    modelshelf.log_metric("auc", 1)
    modelshelf.log_text("x", "x.txt")
modelshelf.MlflowClient()
"""

    assert loaded_after(code) == ["msgspec", "sqlite3"]


def test_every_public_name_is_there() -> None:
    missing = [name for name in modelshelf.__all__ if not hasattr(modelshelf, name)]

    assert missing == []


def test_the_names_are_sorted_and_each_is_there_once() -> None:
    assert modelshelf.__all__ == sorted(set(modelshelf.__all__), key=modelshelf.__all__.index)
    assert dir(modelshelf) == sorted(modelshelf.__all__)


def test_type_checkers_see_the_names_that_users_see() -> None:
    assert seen_by_type_checkers() == set(modelshelf.__all__) - {"__version__"}


def test_every_home_has_names_of_the_surface_only() -> None:
    assert {*modelshelf._HOME_OF, *modelshelf._MODULES, "__version__"} == set(modelshelf.__all__)


def test_an_unknown_name_is_refused_as_python_does() -> None:
    with pytest.raises(AttributeError, match="'modelshelf' has no attribute 'log_metrik'"):
        _ = modelshelf.log_metrik


def test_connect_is_the_function_whatever_was_imported_before() -> None:
    code = "import modelshelf, modelshelf.connect, modelshelf.client\nassert callable(modelshelf.connect)\n"

    assert "sqlite3" not in loaded_after(code)


@pytest.mark.parametrize("module", [client, data, entities, exceptions, rollouts, tracking])
def test_public_modules_list_what_they_hand_on(module: object) -> None:
    assert inspect.ismodule(module)
    names = {name for name, value in vars(module).items() if not name.startswith("_") and not inspect.ismodule(value)}

    assert names == set(module.__all__)


@pytest.mark.parametrize("name", [name for name in modelshelf.__all__ if name != "__version__"])
def test_every_public_name_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(modelshelf, name))


def test_every_method_of_the_client_says_what_it_does() -> None:
    silent = [
        name
        for name, value in inspect.getmembers(client.MlflowClient)
        if not name.startswith("_") and not inspect.getdoc(value)
    ]

    assert silent == []


def test_errors_carry_the_codes_that_programs_written_for_mlflow_compare() -> None:
    from modelshelf import exceptions

    codes = {
        kind: getattr(kind("why"), "error_code")  # noqa: B009
        for kind in (exceptions.NotFound, exceptions.AlreadyExists, exceptions.InvalidFilter, exceptions.Corrupt)
    }

    assert list(codes.values()) == [
        "RESOURCE_DOES_NOT_EXIST",
        "RESOURCE_ALREADY_EXISTS",
        "INVALID_PARAMETER_VALUE",
        "INTERNAL_ERROR",
    ]
