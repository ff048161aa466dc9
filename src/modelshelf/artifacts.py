"""Files of runs, models and versions: download, list and read them."""

from modelshelf.sdk.downloads import download_artifacts, load_dict, load_text
from modelshelf.sdk.listings import list_artifacts

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_text"]
