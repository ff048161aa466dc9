"""A sentiment model in NumPy: a logistic regression over the words of a text, kept as JSON."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Self

import numpy as np

REVIEWS = Path(__file__).parent / "reviews.tsv"


def words(text: str) -> list[str]:
    return re.findall(r"[a-z']+", text.lower())


class SentimentModel:
    """`predict_proba` tells, for each text, the probability that it is meant well."""

    def __init__(self, vocabulary: Sequence[str], weights: np.ndarray, bias: float) -> None:
        self.vocabulary, self.weights, self.bias = list(vocabulary), weights, bias
        self._index = {word: position for position, word in enumerate(self.vocabulary)}

    @classmethod
    def train(
        cls, texts: Sequence[str], labels: Sequence[int], *, rate: float = 1.0, steps: int = 3000, decay: float = 1e-3
    ) -> Self:
        """Gradient descent on the log loss; `decay` keeps the weights of rare words small."""
        vocabulary = sorted({word for text in texts for word in words(text)})
        model = cls(vocabulary, np.zeros(len(vocabulary)), 0.0)
        features, wanted = model._features(texts), np.asarray(labels, dtype=float)
        for _ in range(steps):
            error = model._probabilities(features) - wanted
            model.weights = model.weights - rate * (features.T @ error / len(wanted) + decay * model.weights)
            model.bias -= rate * float(error.mean())
        return model

    def predict_proba(self, texts: Sequence[str]) -> list[float]:
        return [float(p) for p in self._probabilities(self._features(texts))]

    def accuracy(self, texts: Sequence[str], labels: Sequence[int]) -> float:
        return float(np.mean((np.array(self.predict_proba(texts)) > 0.5) == np.asarray(labels, dtype=bool)))

    def save(self, path: str | Path) -> None:
        content = {"vocabulary": self.vocabulary, "weights": self.weights.tolist(), "bias": self.bias}
        Path(path).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Self:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return cls(content["vocabulary"], np.array(content["weights"]), content["bias"])

    def _features(self, texts: Sequence[str]) -> np.ndarray:
        features = np.zeros((len(texts), len(self.vocabulary)))
        for row, text in enumerate(texts):
            for word in words(text):
                if word in self._index:
                    features[row, self._index[word]] = 1.0
        return features

    def _probabilities(self, features: np.ndarray) -> np.ndarray:
        return 1.0 / (1.0 + np.exp(-(features @ self.weights + self.bias)))


def reviews() -> tuple[list[str], list[int]]:
    """The texts in `reviews.tsv`, and 1 for each that is meant well."""
    lines = REVIEWS.read_text(encoding="utf-8").splitlines()[1:]
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    return list(texts), [int(label) for label in labels]


def held_out_accuracy(*, folds: int = 5) -> float:
    """How often models that did not see a review judge it right: the mean over the folds."""
    texts, labels = reviews()
    scores = []
    for fold in range(folds):
        rows = range(len(texts))
        seen, unseen = [r for r in rows if r // 2 % folds != fold], [r for r in rows if r // 2 % folds == fold]
        model = SentimentModel.train([texts[r] for r in seen], [labels[r] for r in seen])
        scores.append(model.accuracy([texts[r] for r in unseen], [labels[r] for r in unseen]))
    return float(np.mean(scores))


def train(path: str | Path = "model.json") -> SentimentModel:
    """Train on all reviews and write the model."""
    model = SentimentModel.train(*reviews())
    model.save(path)
    return model


if __name__ == "__main__":
    trained = train()
    print(f"accuracy on reviews it has not seen: {held_out_accuracy():.2f}")
    print(f"trained on {len(reviews()[0])} reviews, wrote model.json with {len(trained.vocabulary)} words")
