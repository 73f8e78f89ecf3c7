"""The test run's own machinery, each piece tripped once on purpose."""

import threading
import warnings

import pytest
from django.conf import settings as django_settings
from django.core.cache import cache
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.http import HttpRequest, HttpResponse
from django.template import Context, Origin, Template, engines
from django.test import Client
from django.urls import path

from ntm.accounts.models import User


def add_user(request: HttpRequest) -> HttpResponse:
    User.objects.create(username="added")
    return HttpResponse()


def fill_cache(request: HttpRequest) -> HttpResponse:
    cache.set("key", "value")
    return HttpResponse()


urlpatterns = [path("add-user/", add_user), path("fill-cache/", fill_cache)]


@pytest.fixture
def bare_client(db: None, settings) -> Client:
    """A client of this module's own views, without the product's middleware."""
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = []
    return Client()


def test_a_write_during_get_is_refused_and_recorded(bare_client: Client, violations: list[str]) -> None:
    with pytest.raises(AssertionError, match="write during GET"):
        bare_client.get("/add-user/")
    assert "accounts_user" in violations.pop()
    assert not violations


@pytest.mark.writes_on_get("accounts_user")
def test_a_declared_write_during_get_passes(bare_client: Client) -> None:
    bare_client.get("/add-user/")
    assert User.objects.filter(username="added").exists()


def test_post_writes_and_get_may_fill_the_cache(bare_client: Client) -> None:
    bare_client.post("/add-user/")
    bare_client.get("/fill-cache/")
    assert User.objects.filter(username="added").exists()
    assert cache.get("key") == "value"


def template(text: str, file: str) -> Template:
    return Template(text, origin=Origin(name=file), engine=engines["django"].engine)


def test_an_undefined_variable_in_our_templates_is_refused_and_recorded(violations: list[str]) -> None:
    ours = template(
        "{% if absent %}{% endif %}{{ absent.name }}", str(django_settings.BASE_DIR / "templates" / "x.html")
    )
    with pytest.raises(AssertionError, match=r"undefined template variable absent\.name"):
        ours.render(Context())
    assert "x.html" in violations.pop()


def test_an_undefined_variable_in_a_package_template_prints_nothing() -> None:
    theirs = template("[{{ absent }}]", "/site-packages/django/contrib/admin/templates/x.html")
    assert theirs.render(Context()) == "[]"


def test_warnings_are_errors(db: None) -> None:
    with pytest.raises(UserWarning, match="heard"):
        warnings.warn("heard", stacklevel=1)
    with pytest.raises(RuntimeWarning, match="unordered"):
        Paginator(User.objects.order_by(), 10).page(1)


def test_queries_are_counted_without_savepoints(db: None, assert_queries, count_queries) -> None:
    with assert_queries(1), count_queries() as queries, transaction.atomic():
        User.objects.count()
    assert len(queries) == 1
    with pytest.raises(AssertionError, match="more than 0"), assert_queries(at_most=0):
        User.objects.count()


@pytest.mark.parametrize("round_", [1, 2])
def test_a_rolled_back_test_starts_empty(db: None, round_: int) -> None:
    assert not User.objects.exists()
    User.objects.create(username="rolled-back")


@pytest.mark.parametrize("round_", [1, 2])
def test_an_own_copy_is_shared_by_threads_and_gone_afterwards(transactional_db: None, round_: int) -> None:
    assert not User.objects.exists()
    User.objects.create(username="committed")
    seen = []

    def count() -> None:
        seen.append(User.objects.count())
        connection.close()

    thread = threading.Thread(target=count)
    thread.start()
    thread.join()
    assert seen == [1]


@pytest.mark.parametrize("round_", [1, 2])
def test_the_world_is_rolled_back(cast, round_: int) -> None:
    assert not User.objects.filter(username="newcomer").exists()
    User.objects.create(username="newcomer")
    assert cast["huyen.dongson"].username == "huyen.dongson"


@pytest.mark.parametrize("round_", [1, 2])
def test_an_own_copy_of_the_world(cast, transactional_db: None, round_: int) -> None:
    assert not User.objects.filter(username="newcomer").exists()
    User.objects.create(username="newcomer")
    assert "huyen.dongson" in cast
