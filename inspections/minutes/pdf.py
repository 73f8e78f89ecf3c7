"""The minutes as a PDF, by WeasyPrint from `templates/inspections/minutes_pdf.html`.

WeasyPrint needs Pango and HarfBuzz on the system (README). Where they aren't there the rest
of the product works, and Word documents are drawn. Nothing is fetched while drawing but our
own static files; the font is Tinos, whole, since subsets under one name print garbage.
"""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string

from inspections.minutes.data import Minutes

STATIC = settings.BASE_DIR / "static"
ORIGIN = "https://static.invalid/"  # relative addresses resolve against it; nothing is asked there


class PdfUnavailable(Exception):
    """This server lacks what WeasyPrint needs; the message is for a page."""

    def __init__(self) -> None:
        super().__init__("Máy chủ này chưa cài thư viện để lập tệp PDF. Hãy dùng bản Word.")


def draw_pdf(minutes: Minutes) -> bytes:
    """The PDF. Raises PdfUnavailable where the system's libraries are missing."""
    html, css, fonts, fetcher = _weasyprint()
    known = fonts()
    page = html(
        string=render_to_string("inspections/minutes_pdf.html", {"minutes": minutes}),
        base_url=ORIGIN,
        url_fetcher=fetcher(),
    )
    style = css(url=f"{ORIGIN}inspections/minutes.css", url_fetcher=fetcher(), font_config=known)
    return page.write_pdf(stylesheets=[style], font_config=known)


@functools.cache
def _weasyprint() -> tuple[Any, Any, Any, Any]:
    """WeasyPrint's HTML, CSS and fonts, and a fetcher that knows our own static files only."""
    from PIL import ImageFile

    try:
        from weasyprint import CSS, HTML
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except (ImportError, OSError):  # cffi raises OSError where a shared library isn't there
        raise PdfUnavailable from None
    finally:
        # WeasyPrint tells Pillow to take broken pictures, for the whole process; uploads are
        # checked by Pillow refusing them.
        ImageFile.LOAD_TRUNCATED_IMAGES = False

    class OwnFiles(URLFetcher):
        def fetch(self, url: str, headers: Any = None) -> Any:
            path = (STATIC / url.removeprefix(ORIGIN)).resolve()
            if not url.startswith(ORIGIN) or not path.is_relative_to(STATIC):
                raise ValueError(f"{url} is not one of our own files")
            kind = "text/css" if path.suffix == ".css" else "font/ttf"
            return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": kind})

    return HTML, CSS, FontConfiguration, OwnFiles
