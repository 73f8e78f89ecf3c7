"""What belongs to no app: the health check, the user guide and the error pages."""

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent
from django.db import Error, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template import loader
from django.templatetags.static import static
from django.views.decorators.cache import never_cache

from ntm.accounts.middleware import asks_for_json
from ntm.guide import chapters_for, guide

TOO_BIG = (RequestDataTooBig, TooManyFieldsSent, TooManyFilesSent)
MESSAGES = {
    400: "Máy chủ không hiểu được yêu cầu này.",
    403: "Tài khoản đang dùng không được giao việc này.",
    404: "Không tìm thấy, hoặc không thuộc phạm vi được xem.",
    413: "Nội dung gửi lên vượt quá giới hạn.",
    500: "Hệ thống gặp lỗi. Hãy thử lại sau ít phút.",
}


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


@login_not_required
def favicon(request: HttpRequest) -> HttpResponse:
    """Send browsers that ask for the usual address, as the admin's pages make them, to the emblem."""
    return redirect(static("emblem.svg"))


@login_not_required
def help_contents(request: HttpRequest) -> HttpResponse:
    """The guide's table of contents. Open to everyone: who can't sign in needs it most."""
    known = guide()
    mine = [known.chapters[slug] for slug in chapters_for(request.user)]
    return render(request, "help/contents.html", {"guide": known, "mine": mine})


@login_not_required
def help_chapter(request: HttpRequest, chapter: str) -> HttpResponse:
    """One chapter of the guide, with the ones before and after it."""
    chapters = guide().chapters
    if chapter not in chapters:
        raise Http404
    order = [None, *chapters.values(), None]
    place = order.index(chapters[chapter])
    context = {"chapter": chapters[chapter], "previous": order[place - 1], "next": order[place + 1]}
    return render(request, "help/chapter.html", context)


def error(request: HttpRequest, status: int, message: str = "") -> HttpResponse:
    """Answer with the status's page, or with `{"message"}` to a script that asked for JSON.

    Pages 400 and 500 are plain: they need no session, no person and no database, any of
    which may be what failed.
    """
    context = {"exception": message, "reason": message}
    if asks_for_json(request):
        return JsonResponse({"message": message or MESSAGES[status]}, status=status)
    page = loader.render_to_string(f"{status}.html", context, None if status in {400, 500} else request)
    return HttpResponse(page, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error(request, 413 if isinstance(exception, TOO_BIG) else 400)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Say why, in the words of `communes.access`."""
    return error(request, 403, str(exception))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    return error(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return error(request, 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The page was opened in an earlier session, or comes from another site."""
    return error(request, 403, "Trang được mở từ phiên làm việc cũ nên chưa gửi được. Hãy tải lại trang rồi gửi lại.")
