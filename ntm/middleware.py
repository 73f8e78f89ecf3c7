"""Refuses what no honest client sends."""

from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.db import DataError
from django.http import HttpRequest, HttpResponseBase

NUL = "\x00"


class RefuseNul:
    """Answer 400 to NUL characters, which PostgreSQL can't store or even be asked about.

    Text typed into forms is cleaned by the forms; this holds for addresses, query strings
    and cookies, and for whatever still reaches the database.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if (
            NUL in request.path_info
            or "%00" in request.META.get("QUERY_STRING", "")
            or NUL in request.META.get("QUERY_STRING", "")
            or any(NUL in value for value in request.COOKIES.values())
        ):
            raise BadRequest("NUL character in the request")
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> None:
        if isinstance(exception, ValueError | DataError) and "NUL" in str(exception):
            raise BadRequest("NUL character in a value") from exception
