"""A harness for one test."""

import pytest

from Testing.harness import start


@pytest.fixture
def harness():
    """A clean harness; the test fails when something went wrong behind its back."""
    running = start()
    running.reset()
    yield running
    try:
        running.check()
    finally:
        running.close()
