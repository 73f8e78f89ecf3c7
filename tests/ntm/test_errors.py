"""The health check, and what people read when something is refused."""

import pytest
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.db import DataError, OperationalError, connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import path

from ntm import urls, views
from ntm.middleware import RefuseNul
from tests.factories import UserFactory


def refuse(request):
    raise PermissionDenied("Chỉ cán bộ của xã được nhập kết quả.")


def too_big(request):
    raise RequestDataTooBig


def broken(request):
    raise RuntimeError("secret detail")


def nul(request):
    raise DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")


urlpatterns = [
    *urls.urlpatterns,
    path("test/refuse/", refuse),
    path("test/big/", too_big),
    path("test/broken/", broken),
    path("test/nul/", nul),
]
handler400, handler403, handler404, handler500 = urls.handler400, urls.handler403, urls.handler404, urls.handler500


@pytest.fixture
def person(db, settings):
    settings.ROOT_URLCONF = __name__
    client = Client(raise_request_exception=False)
    client.force_login(UserFactory())
    return client


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("/test/refuse/", 403, "Chỉ cán bộ của xã được nhập kết quả."),
        ("/khong-co/", 404, "Không tìm thấy trang"),
        ("/test/big/", 413, "vượt quá giới hạn"),
        ("/test/broken/", 500, "Hệ thống gặp lỗi"),
        ("/test/nul/", 400, "Yêu cầu không hợp lệ"),
    ],
)
def test_pages_say_what_happened(person, url, status, words):
    response = person.get(url)
    assert response.status_code == status
    assert words in response.content.decode()
    assert "secret detail" not in response.content.decode()
    answer = person.get(url, headers={"Accept": "application/json"})
    assert answer.status_code == status
    assert answer.json()["message"]


def test_a_stale_page_is_told_to_reload(person):
    client = Client(enforce_csrf_checks=True)
    client.cookies = person.cookies
    response = client.post("/accounts/logout/")
    assert response.status_code == 403
    assert "Hãy tải lại trang rồi gửi lại." in response.content.decode()


def test_a_body_above_the_limit(person, settings):
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 100
    response = person.post("/accounts/password/change/", {"oldpassword": "x" * 200}, content_type="text/plain")
    assert response.status_code == 200  # not a form: never read
    response = person.post(
        "/accounts/password/change/", "oldpassword=" + "x" * 200, content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 413


@pytest.mark.parametrize("url", ["/units/%00/", "/matrix/?set=%00", "/?q=a%00b", "/accounts/login/?next=%00"])
def test_nul_in_an_address(client, db, url):
    response = client.get(url)
    assert response.status_code == 400
    assert "Yêu cầu không hợp lệ" in response.content.decode()


def test_nul_in_a_cookie(client, db):
    client.cookies.load({"sessionid": "aaaaaaaa\x00bbbbbbbb"})
    assert client.get("/accounts/login/").status_code == 400


def test_a_value_error_of_our_own_stays_one():
    middleware = RefuseNul(lambda request: HttpResponse())
    assert middleware.process_exception(RequestFactory().get("/"), ValueError("not a number")) is None


def test_healthz(client, db, monkeypatch, caplog):
    response = client.get("/healthz")
    assert (response.status_code, response.content) == (200, b"ok")
    assert "no-cache" in response["Cache-Control"]

    def fail():
        raise OperationalError

    with monkeypatch.context() as broken_database:
        broken_database.setattr(connection, "cursor", fail)
        assert client.get("/healthz").status_code == 503
    assert not caplog.records
    assert client.get("/healthz", headers={"Host": "evil.example"}).status_code == 400


def test_every_status_has_words_for_scripts():
    assert views.MESSAGES.keys() == {400, 403, 404, 413, 500}
