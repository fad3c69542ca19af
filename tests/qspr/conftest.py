from __future__ import annotations

from collections.abc import Iterator

import pytest
from threadpoolctl import threadpool_limits


@pytest.fixture(autouse=True, scope="package")
def _one_thread() -> Iterator[None]:
    """As planners.optimize does: test processes that share two cores would otherwise wait for each other's threads."""
    with threadpool_limits(limits=1):
        yield
