"""What a checkout says about itself, compared with git's own words."""

import subprocess
from pathlib import Path

import pytest

from modelshelf.sdk.git_facts import GitFacts, git_facts


def git(folder: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org", "-c", "commit.gpgsign=false")
    done = subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with one commit on the branch `feature/x`."""
    folder = tmp_path / "code"
    (folder / "src" / "deep").mkdir(parents=True)
    git(folder, "init", "-q", "-b", "feature/x")
    (folder / "a.py").write_text("1")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_outside_of_any_checkout_there_are_none(tmp_path: Path) -> None:
    assert git_facts(tmp_path) is None


def test_before_the_first_commit_there_are_none(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")

    assert git_facts(tmp_path) is None


def test_commit_and_branch_are_those_of_git(checkout: Path) -> None:
    facts = git_facts(checkout / "src" / "deep")

    assert facts == GitFacts(git(checkout, "rev-parse", "HEAD"), "feature/x")


def test_a_packed_branch_is_found(checkout: Path) -> None:
    git(checkout, "pack-refs", "--all")

    assert not (checkout / ".git" / "refs" / "heads" / "feature" / "x").exists()
    assert git_facts(checkout) == GitFacts(git(checkout, "rev-parse", "HEAD"), "feature/x")


def test_a_detached_head_has_no_branch(checkout: Path) -> None:
    git(checkout, "checkout", "-q", "--detach")

    assert git_facts(checkout) == GitFacts(git(checkout, "rev-parse", "HEAD"))


def test_a_worktree_has_a_branch_of_its_own_and_the_remotes_of_its_repository(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "remote", "add", "origin", "git@example.org:ada/code.git")
    git(checkout, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))

    facts = git_facts(tmp_path / "side")

    assert facts == GitFacts(git(checkout, "rev-parse", "HEAD"), "side", "git@example.org:ada/code.git")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:secret@example.org/code.git", "https://example.org/code.git"),
        ("https://token@example.org/code.git", "https://example.org/code.git"),
        ("https://example.org/a@b.git", "https://example.org/a@b.git"),
        ("ssh://git@example.org:22/code.git", "ssh://example.org:22/code.git"),
        ("git@example.org:code.git", "git@example.org:code.git"),
    ],
)
def test_no_password_of_a_remote_is_recorded(checkout: Path, url: str, shown: str) -> None:
    git(checkout, "remote", "add", "upstream", "https://example.org/other.git")
    git(checkout, "remote", "add", "origin", url)

    facts = git_facts(checkout)

    assert facts is not None
    assert facts.url == shown


@pytest.mark.parametrize("head", [b"\xff\xfe", b"ref: refs/heads/nothing\n", b"", b"no commit\n"])
def test_a_broken_checkout_has_none(checkout: Path, head: bytes) -> None:
    (checkout / ".git" / "HEAD").write_bytes(head)

    assert git_facts(checkout) is None


def test_a_broken_configuration_costs_only_the_url(checkout: Path) -> None:
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / ".git" / "config").write_text("[remote \n=")

    assert git_facts(checkout) == GitFacts(commit, "feature/x")
