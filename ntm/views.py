"""What belongs to no app: the health check and the error pages."""

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.contrib.auth.decorators import login_not_required
from django.db import Error, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template import loader
from django.views.decorators.cache import never_cache

from ntm.accounts.middleware import wants_data

TOO_BIG = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)


@login_not_required
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """Answer "ok" while the database answers, else 503; for load balancers and monitors."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except Error:
        response = HttpResponse("database unavailable", content_type="text/plain", status=503)
        # A monitor asks every few seconds: the status is the message, not an error report.
        response._has_been_logged = True  # type: ignore[attr-defined]
        return response
    return HttpResponse("ok", content_type="text/plain")


def error(request: HttpRequest, status: int, title: str, message: str) -> HttpResponse:
    """Answer with a page, or with `{"message"}` to a script that asked for data.

    The page is rendered without the request: it must not need a session, a person or
    the database, any of which may be what failed.
    """
    if wants_data(request):
        return JsonResponse({"message": message}, status=status)
    return HttpResponse(
        loader.render_to_string("error.html", {"status": status, "title": title, "message": message}), status=status
    )


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, TOO_BIG):
        return error(
            request,
            413,
            "Dữ liệu gửi lên quá lớn",
            "Nội dung gửi lên vượt quá giới hạn cho phép. Hãy chia nhỏ rồi gửi lại.",
        )
    return error(
        request,
        400,
        "Yêu cầu không hợp lệ",
        "Máy chủ không đọc được yêu cầu này. Hãy quay lại trang trước, kiểm tra nội dung rồi thử lại.",
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say why, in the words of `communes.access`."""
    return error(request, 403, "Không được phép", str(exception) or "Bạn không có quyền thực hiện việc này.")


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error(
        request,
        404,
        "Không tìm thấy",
        "Trang này không có, hoặc không thuộc phạm vi bạn được xem.",
    )


def server_error(request: HttpRequest) -> HttpResponse:
    return error(
        request,
        500,
        "Hệ thống gặp lỗi",
        "Việc vừa rồi chưa được lưu. Hãy thử lại sau ít phút; nếu vẫn lỗi, báo cho quản trị hệ thống.",
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    return error(
        request,
        403,
        "Phiên làm việc đã thay đổi",
        "Trang được mở từ phiên làm việc cũ nên chưa gửi được. Hãy tải lại trang rồi thử lại.",
    )
