"""What is read inside `snapshot` stands still while others write."""

import threading

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection

from ntm.snapshot import snapshot


def elsewhere(work):
    """Do it in a connection of its own, as another request would."""
    problems = []

    def run():
        try:
            work()
        except Exception as problem:
            problems.append(problem)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not problems


def names():
    return list(Group.objects.order_by("name").values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_row_saved_meanwhile_is_not_seen_and_saved_at_once():
    Group.objects.create(name="trước")
    with snapshot():
        assert names() == ["trước"]
        elsewhere(lambda: Group.objects.create(name="trong lúc đọc"))
        assert names() == ["trước"]
    assert names() == ["trong lúc đọc", "trước"]
    Group.objects.create(name="sau")  # and one may write again
    with snapshot():
        assert len(names()) == 3


@pytest.mark.django_db(transaction=True)
def test_it_ends_when_the_reading_fails():
    with pytest.raises(KeyError), snapshot():
        raise KeyError
    assert not connection.in_atomic_block
    Group.objects.create(name="sau")
    if connection.vendor == "postgresql":
        with pytest.raises(DatabaseError), snapshot():
            Group.objects.create(name="trong lúc đọc")
    assert names() == ["sau"]


@pytest.mark.django_db
def test_inside_a_transaction_that_one_decides():
    with snapshot():
        Group.objects.create(name="của giao dịch")
    assert names() == ["của giao dịch"]
