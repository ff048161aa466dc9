"""A small shelf with one of everything that pages show: what the browser tests look at, and change."""

from modelshelf.domain.access import Actor, Role
from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.tracking import Dataset, DatasetInput, MetricPoint
from modelshelf.services.registry import Registry

MLMODEL = b"""flavors:
  python_function: {loader_module: modelshelf.sklearn}
signature:
  inputs: '[{"type": "double", "name": "tenure", "required": true}, {"type": "string", "name": "plan"}]'
  outputs: '[{"type": "long", "name": "leaves"}]'
"""
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
CHANGED = ("churn", "ltv", "intent", "spam")
"""Models of which each has three versions, production at the second; the first has runs and files, too."""


def fill(registry: Registry) -> None:
    """Write it: some by alice, some by a robot of carol's."""
    alice, robot = (registry.acting_as(Actor(name, Role.ADMIN)) for name in ("alice", "carol/ci"))
    experiment = alice.tracking.create_experiment("weekly")
    for name in CHANGED:
        alice.catalog.create_model(name, description=f"# {name}\n\nKnows **it all**.", tags={"team": "growth"})
    for number in range(1, 4):
        _train(robot, experiment.id, number)
        for name in CHANGED[1:]:
            robot.catalog.create_version(name, source=f"s3://bucket/{name}/{number}")
    for name in CHANGED:
        alice.governance.promote(name, 1, alias="production", reason="the first that is better than the rules")
        alice.governance.promote(name, 2, alias="production", reason="better recall")
    alice.catalog.create_model("without versions")
    alice.governance.define_gate("good-enough", model="churn", alias="gated", clauses=["candidate.metrics.auc >= 0.9"])


def _train(registry: Registry, experiment: str, number: int) -> None:
    run = registry.tracking.start_run(experiment, name=f"weekly-{number}")
    points = [MetricPoint("loss", 1 / (step + number), 1_700_000_000_000 + step, step) for step in range(50)]
    auc = MetricPoint("auc", float("nan") if number == 1 else 0.8 + number / 100, 1_700_000_000_000)
    registry.tracking.log_batch(run.id, metrics=[*points, auc], params={"depth": str(number), "lr": "0.1"})
    used = DatasetInput(Dataset("customers", "a1b2", "delta", "delta://customers"), {"mlflow.data.context": "training"})
    registry.tracking.log_inputs(run.id, datasets=[used])
    contents = {
        "MLmodel": MLMODEL,
        "requirements.txt": b"scikit-learn==1.5.%d\nnumpy>=1.26\n" % number,
        "model.pkl": bytes([0, number]) * 100,
        "plots/roc.png": PICTURE,
    }
    stored = {path: registry.artifacts.upload([content]) for path, content in contents.items()}
    files = [FileEntry(path, blob.digest, blob.size) for path, blob in stored.items()]
    registry.artifacts.put(f"{run.artifact_root}/model", files)
    registry.tracking.update_run(run.id, status="FINISHED")
    registry.catalog.create_version("churn", source=f"runs:/{run.id}/model", run_id=run.id)
