"""Fixtures that several rooms use."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests import postgres

# The same examples on every machine and in every run; no deadline, because two test processes share the cores.
settings.register_profile("athanor", derandomize=True, deadline=None, max_examples=60)
settings.load_profile("athanor")


@pytest.fixture(scope="session")
def _postgres_server() -> Iterator[postgres.Server]:
    with postgres.running() as server:
        yield server


@pytest.fixture
def postgres_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """SQLAlchemy URL of a fresh, empty PostgreSQL database. Skips, saying why, where there is no server to be had."""
    try:
        server: postgres.Server = request.getfixturevalue("_postgres_server")
    except postgres.Unavailable as reason:
        pytest.skip(f"no PostgreSQL here: {reason}")
    url = server.fresh_database()
    yield url
    server.drop(url)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """SQLAlchemy URL of a fresh, empty database: the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'athanor.db'}"
    url: str = request.getfixturevalue("postgres_url")
    return url
