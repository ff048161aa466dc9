"""Register a sentiment model, point an alias at it, and load it by that alias."""

from pathlib import Path

import pandas as pd
from model import SentimentModel, train

import modelshelf as mlflow
import modelshelf.pyfunc


class SentimentPyfunc(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.model = SentimentModel.load(context.artifacts["model_path"])

    def predict(self, context, model_input, params=None):
        return self.model.predict_proba(model_input["text"].tolist())


def main():
    if not Path("model.json").exists():
        train("model.json")

    mlflow.set_tracking_uri("sqlite:///mlflow.db")
    with mlflow.start_run() as run:
        mlflow.pyfunc.log_model(
            name="model",
            python_model=SentimentPyfunc(),
            artifacts={"model_path": "model.json"},
            registered_model_name="sentiment",
        )
    print(f"logged + registered 'sentiment' from run {run.info.run_id[:8]}")

    client = mlflow.MlflowClient()
    version = client.get_latest_versions("sentiment")[0].version
    client.set_registered_model_alias("sentiment", "production", version)
    print(f"set alias 'production' -> sentiment v{version}")

    model = mlflow.pyfunc.load_model("models:/sentiment@production")
    out = model.predict(pd.DataFrame({"text": ["this is great", "this is terrible"]}))
    print(f"loaded model predictions: {[round(p, 3) for p in out]}")


if __name__ == "__main__":
    main()
