# Four commands for developers; `just` lists them.

default:
    @just --list

# Linters, types, architecture and the fast tests.
check:
    ruff check .
    ruff format --check .
    mypy
    lint-imports
    pytest tests/unit tests/architecture

# All tests, on both databases.
test:
    pytest

# Put the code in the project's form.
format:
    ruff format .
    ruff check --fix .

# Side by side with MLflow; needs the `bench` extra.
bench:
    python benchmarks/run.py
