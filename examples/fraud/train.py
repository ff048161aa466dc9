"""Register a fraud detection model, take it through the stages, tag it and find it again."""

from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier

import modelshelf as mlflow
import modelshelf.pyfunc

# Assume 'model' is a trained scikit-learn model
X, y = make_classification(n_samples=100, n_features=4, n_informative=2, n_redundant=0, random_state=42)
model = RandomForestClassifier(random_state=42)
model.fit(X, y)

# Start a run
with mlflow.start_run() as run:
    # Log the model
    mlflow.sklearn.log_model(
        sk_model=model,
        artifact_path="fraud_detection_model",
        registered_model_name="FraudDetectionModel",
    )
    run_id = run.info.run_id
    print(f"Model logged with run ID: {run_id}")

# A new version is in the stage None: it goes to Staging for testing, then to Production for live inference,
# where the version before it makes room.
client = mlflow.MlflowClient()
version = max(found.version for found in client.search_model_versions("name = 'FraudDetectionModel'"))
for stage in ("Staging", "Production"):
    moved = client.transition_model_version_stage(
        "FraudDetectionModel", version, stage, archive_existing_versions=stage == "Production"
    )
    print(f"version {moved.version} is now in {moved.current_stage}")

# Tags say who answers for a version, and what it was trained on.
for key, value in {"owner": "alice", "dataset_version": "1.5", "compliance_approved": "true"}.items():
    client.set_model_version_tag("FraudDetectionModel", version, key, value)
for found in client.search_model_versions("name = 'FraudDetectionModel' AND tags.compliance_approved = 'true'"):
    print(f"approved: version {found.version} of {found.name}, {found.current_stage}, owner {found.tags['owner']}")

live = mlflow.pyfunc.load_model("models:/FraudDetectionModel/Production")
print(f"in production: {int(live.predict(X).sum())} of {len(X)} transactions look fraudulent")
