"""Datasets that runs used: describe them for `log_input`."""

from modelshelf.sdk.data import Dataset, NumpyDataset, PandasDataset, from_numpy, from_pandas, get_source
from modelshelf.sdk.data_sources import CodeDatasetSource, DatasetSource, HTTPDatasetSource, UriDatasetSource

__all__ = [
    "CodeDatasetSource",
    "Dataset",
    "DatasetSource",
    "HTTPDatasetSource",
    "NumpyDataset",
    "PandasDataset",
    "UriDatasetSource",
    "from_numpy",
    "from_pandas",
    "get_source",
]
