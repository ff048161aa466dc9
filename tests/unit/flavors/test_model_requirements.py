"""Requirements: which packages modules come from, pinned, and without the standard library."""

from pathlib import Path

import cloudpickle
import numpy as np
import pytest
import sklearn
import yaml

from modelshelf.domain.errors import Invalid
from modelshelf.flavors.pickles import dump, imports_of
from modelshelf.flavors.requirements import distribution_of, imported_by, infer, parse


def test_modules_become_pinned_packages() -> None:
    found = infer({"sklearn.linear_model._base", "numpy.linalg", "yaml", "json", "__main__", "not_installed"})

    assert found == [f"numpy=={np.__version__}", f"PyYAML=={yaml.__version__}", f"scikit-learn=={sklearn.__version__}"]


def test_packages_that_the_format_needs_are_always_there() -> None:
    assert infer([], always=("cloudpickle",)) == [f"cloudpickle=={cloudpickle.__version__}"]


@pytest.mark.parametrize(("module", "package"), [("sklearn.svm", "scikit-learn"), ("yaml", "PyYAML"), ("zzz", "zzz")])
def test_a_module_is_traced_to_its_package(module: str, package: str) -> None:
    assert distribution_of(module) == package


def test_imports_inside_functions_count() -> None:
    def predict():
        def inner():
            import yaml

            return yaml

        import numpy.linalg

        return numpy.linalg, inner

    assert imports_of(predict.__code__) == {"yaml", "numpy.linalg"}


def test_a_pickle_tells_the_modules_it_refers_to(tmp_path: Path) -> None:
    modules = dump({"a": np.float64(1), "b": yaml.SafeLoader}, tmp_path / "x.pkl")

    assert {each.partition(".")[0] for each in modules} >= {"numpy", "yaml"}


def test_code_is_searched_for_imports_but_not_for_itself(tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("import numpy.linalg\nfrom yaml import safe_load\nfrom . import x\nimport mine\n")

    assert imported_by([tmp_path / "mine.py"]) == {"numpy.linalg", "yaml"}


def test_files_of_requirements_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("# comment\nnumpy\n-r b.txt\n")
    (tmp_path / "b.txt").write_text("scipy>=1\n")

    assert parse(str(tmp_path / "a.txt"), argument="pip_requirements") == ["numpy", "scipy>=1"]
    with pytest.raises(Invalid, match="pip_requirements"):
        parse("/no/such/file", argument="pip_requirements")
    with pytest.raises(Invalid, match="constraints"):
        parse(["-c x.txt"], argument="pip_requirements")
