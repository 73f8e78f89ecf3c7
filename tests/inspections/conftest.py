"""The small province of `world.py`; imported late, since models need the settings first."""

import pytest


@pytest.fixture
def place(db):
    from tests.inspections.world import build_place

    return build_place()


@pytest.fixture
def visit(place):
    """An open provincial visit: the leader, and a member who has criterion 1."""
    from tests.inspections.world import build_visit

    return build_visit(place)
