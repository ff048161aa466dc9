"""The examples do what they say, the second time too."""

import re
import shutil
from pathlib import Path

import pytest

from programs import run_program

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the example that the test is about."""
    return shutil.copytree(EXAMPLES / request.param, tmp_path / request.param)


@pytest.mark.parametrize("example", ["sentiment"], indirect=True)
def test_the_sentiment_example_makes_a_version_each_time_and_moves_the_alias(example: Path) -> None:
    outputs = [run_program("registry.py", folder=example).splitlines() for _ in range(2)]

    for version, (logged, aliased, predicted) in enumerate(outputs, start=1):
        assert re.fullmatch(r"logged \+ registered 'sentiment' from run [0-9a-f]{8}", logged)
        assert aliased == f"set alias 'production' -> sentiment v{version}"
        good, bad = map(float, re.fullmatch(r"loaded model predictions: \[([\d.]+), ([\d.]+)\]", predicted).groups())
        assert good > 0.9
        assert bad < 0.1


@pytest.mark.parametrize("example", ["sentiment"], indirect=True)
def test_the_sentiment_model_judges_reviews_that_it_has_not_seen(example: Path) -> None:
    output = run_program("model.py", folder=example)

    accuracy = float(re.search(r"accuracy on reviews it has not seen: ([\d.]+)", output)[1])
    assert accuracy > 0.7


@pytest.mark.parametrize("example", ["fraud"], indirect=True)
def test_the_fraud_example_takes_each_new_version_to_production(example: Path) -> None:
    outputs = [run_program("train.py", folder=example).splitlines() for _ in range(2)]

    for version, lines in enumerate(outputs, start=1):
        assert re.fullmatch(r"Model logged with run ID: [0-9a-f]{32}", lines[0])
        assert lines[1:3] == [f"version {version} is now in Staging", f"version {version} is now in Production"]
        assert f"approved: version {version} of FraudDetectionModel, Production, owner alice" in lines
        assert re.fullmatch(r"in production: \d+ of 100 transactions look fraudulent", lines[-1])
    assert "approved: version 1 of FraudDetectionModel, Archived, owner alice" in outputs[1]
