"""What a git checkout says about itself, read from its files: quicker than a process, and without git installed."""

import re
from configparser import ConfigParser, Error
from dataclasses import dataclass
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_CREDENTIALS = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*://)[^/@]*@")


@dataclass(frozen=True, slots=True)
class GitFacts:
    """The commit that is checked out; `branch` and `url` are empty where the head is detached or nothing is remote."""

    commit: str
    branch: str = ""
    url: str = ""


def git_facts(folder: Path) -> GitFacts | None:
    """The facts of the checkout that holds a folder; None outside of any, and before the first commit."""
    try:
        git = _git_folder(folder)
        if git is None:
            return None
        head = (git / "HEAD").read_text().strip()
        common = _common_folder(git)
        reference = head.removeprefix("ref: ") if head.startswith("ref: ") else ""
        commit = _commit_of(git, common, reference) if reference else head
        if not _COMMIT.fullmatch(commit):
            return None
        return GitFacts(commit, reference.removeprefix("refs/heads/"), _remote_url(common))
    except (OSError, UnicodeDecodeError):  # somebody else's files, or not a checkout after all
        return None


def _git_folder(folder: Path) -> Path | None:
    for each in (folder, *folder.parents):
        found = each / ".git"
        if found.is_dir():
            return found
        if found.is_file():  # a worktree or a submodule says where its folder is
            return each / found.read_text().strip().removeprefix("gitdir: ")
    return None


def _common_folder(git: Path) -> Path:
    """Where branches and configuration are; a worktree shares them with its repository."""
    pointer = git / "commondir"
    return git / pointer.read_text().strip() if pointer.is_file() else git


def _commit_of(git: Path, common: Path, reference: str) -> str:
    for place in (git / reference, common / reference):
        if place.is_file():
            return place.read_text().strip()
    packed = common / "packed-refs"
    lines = packed.read_text().splitlines() if packed.is_file() else []
    return next((line.split(" ", 1)[0] for line in lines if line.endswith(f" {reference}")), "")


def _remote_url(common: Path) -> str:
    """The URL of `origin`, or else of the first remote, without a password that may stand in it."""
    config = ConfigParser(strict=False, interpolation=None, allow_no_value=True)
    try:
        config.read_string((common / "config").read_text())
    except Error:
        return ""
    remotes = {section: config.get(section, "url", fallback="") for section in config if section.startswith("remote ")}
    url = remotes.get('remote "origin"') or next(iter(remotes.values()), "") or ""
    return _CREDENTIALS.sub(r"\1", url)
