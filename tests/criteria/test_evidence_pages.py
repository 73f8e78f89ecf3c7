"""Evidence in the browser: who sees what, adding, opening, describing, tying, retiring."""

import logging
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image

from communes.models import Membership
from criteria import evidence as rules
from criteria.models import Evidence, EvidenceLink
from criteria.views import evidence as views
from tests.criteria import files
from tests.criteria.evidence_world import World, make_world
from tests.factories import CriteriaSetFactory, CriterionFactory, IndicatorFactory

JSON = {"HTTP_ACCEPT": "application/json"}
HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def small(db, media: Path) -> World:
    return make_world()


def sent(name: str = "bao cao.pdf", body: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, files.pdf(text="tai len") if body is None else body)


def post_files(small: World, who: str, *uploads: SimpleUploadedFile, indicators: object = None, **extra: object):
    chosen = [row.pk for row in small.indicators[:1]] if indicators is None else indicators
    return small.client(who).post(
        reverse("criteria:evidence_upload", args=[small.unit.pk]), {"files": uploads, "indicator": chosen}, **extra
    )


def url(name: str, *args: object) -> str:
    return reverse(f"criteria:{name}", args=args)


def opened(client: Client, address: str, **query: str):
    """The answer to a GET, its file read to the end."""
    answer = client.get(address, query)
    answer.body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return answer


def message_texts(response) -> list[str]:
    return [str(message) for message in response.context["messages"]]


# --- who sees what --------------------------------------------------------------------------

# before it is sent: officer and leader; sent: those above too; personal data: not the reviewer
READERS = {
    "officer": (200, 200, 200),
    "leader": (200, 200, 200),
    "neighbour": (404, 404, 404),
    "district": (404, 200, 200),
    "reviewer": (404, 200, 404),
    "coordinator": (404, 200, 200),
    "viewer": (404, 404, 404),
}


@pytest.mark.parametrize("who", READERS)
@pytest.mark.parametrize("page", ["evidence_detail", "evidence_file", "evidence_preview"])
def test_who_may_open_a_document(small: World, who: str, page: str) -> None:
    draft, published, personal = READERS[who]
    evidence = small.add("anh.jpg", files.image())
    client = small.client(who)
    address = url(page, evidence.pk)
    assert opened(client, address).status_code == draft
    small.send()
    assert opened(client, address).status_code == published
    Evidence.objects.update(has_personal_data=True)
    assert opened(client, address).status_code == personal


def test_a_reviewer_sees_own_criteria_only(small: World) -> None:
    evidence = small.add(indicators=small.indicators[3:])
    small.send()
    client = small.client("reviewer")
    assert client.get(url("evidence_detail", evidence.pk)).status_code == 404
    assert evidence.title not in client.get(url("evidence_list")).content.decode()


def test_strangers_sign_in_first(small: World) -> None:
    evidence = small.add()
    assert Client().get(url("evidence_file", evidence.pk)).status_code == 302
    answer = Client().post(url("evidence_upload", small.unit.pk), {"files": [sent()]}, **JSON)
    assert answer.status_code == 401


def changing(small: World, evidence: Evidence) -> list[tuple[str, dict]]:
    tie = evidence.links.first()
    return [
        (url("evidence_upload", small.unit.pk), {"files": [sent()]}),
        (f"{url('evidence_register', small.unit.pk)}?form=paper", {"title": "Sổ", "kept_at": "Tủ"}),
        (url("evidence_edit", evidence.pk), {"title": "Khác"}),
        (url("evidence_retire", evidence.pk), {"reason": "Nhầm"}),
        (url("evidence_unlink", tie.pk), {}),
        (url("evidence_links", small.unit.pk, evidence.pk), {"indicator": [small.indicators[1].pk]}),
        (url("evidence_attach", small.unit.pk, small.indicators[1].pk), {"evidence": [evidence.pk]}),
        (url("evidence_undo", evidence.pk), {}),
    ]


@pytest.mark.parametrize(
    ("who", "status"), [("neighbour", 404), ("district", 403), ("coordinator", 403), ("reviewer", 403), ("viewer", 403)]
)
def test_only_the_commune_changes_its_documents(small: World, who: str, status: int) -> None:
    evidence = small.add()
    small.send()
    before = list(Evidence.objects.values()), list(EvidenceLink.objects.values())
    client = small.client(who)
    for address, data in changing(small, evidence):
        answer = client.post(address, data)
        hidden = who == "viewer" and f"/units/{small.unit.pk}/" not in address  # viewers see no document at all
        assert answer.status_code == (404 if hidden else status), address
        if answer.status_code == 403:
            assert "Chỉ cán bộ của xã" in answer.content.decode()
    assert before == (list(Evidence.objects.values()), list(EvidenceLink.objects.values()))


def test_a_closed_units_documents_are_read_only(small: World) -> None:
    old = small.add(unit=small.predecessor, indicators=[])
    client = small.client("officer")
    assert client.get(url("evidence_detail", old.pk)).status_code == 200
    answer = client.post(url("evidence_edit", old.pk), {"title": "Khác"})
    assert answer.status_code == 403
    page = client.get(url("evidence_attach", small.unit.pk, small.indicators[0].pk))
    assert old.title in page.content.decode()
    client.post(url("evidence_attach", small.unit.pk, small.indicators[0].pk), {"evidence": [old.pk]})
    assert small.unit.evidence_links.get().evidence == old


def test_viewers_get_the_reason(small: World) -> None:
    client = small.client("viewer")
    for address in (url("evidence_list"), url("evidence_panel", small.unit.pk, small.indicators[0].pk)):
        answer = client.get(address)
        assert answer.status_code == 403
        assert "chỉ xem số liệu tổng hợp" in answer.content.decode()


# --- adding -----------------------------------------------------------------------------------


def test_files_are_added_by_a_plain_form(small: World) -> None:
    answer = post_files(small, "officer", sent("Báo cáo.pdf"), sent("anh.jpg", files.image()))
    criterion = small.indicators[0].criterion
    assert answer.status_code == 302
    assert answer["Location"].startswith(url("criterion", small.unit.pk, criterion.number))
    assert answer["Location"].endswith(f"#evidence-{small.indicators[0].pk}")
    assert set(Evidence.objects.values_list("title", flat=True)) == {"Báo cáo", "anh"}
    assert EvidenceLink.objects.filter(indicator=small.indicators[0], unit=small.unit).count() == 2


def test_one_bad_file_does_not_keep_the_others_out(small: World) -> None:
    answer = post_files(
        small, "officer", sent(), sent("virus.pdf", files.program()), sent("b.png", files.image("PNG")), **JSON
    )
    assert answer.status_code == 200
    results = answer.json()["files"]
    assert [row["ok"] for row in results] == [True, False, True]
    assert "nội dung là chương trình" in results[1]["message"]
    assert Evidence.objects.count() == 2


@pytest.mark.parametrize(
    ("upload", "status"),
    [
        (("a.pdf", b"MZ" + b"\0" * 80), 400),
        (("khong lo.png", files.huge_png()), 413),
        (("qua to.xlsx", b"PK\x03\x04" + b"\0" * (26 * rules.MB)), 413),
        (("rong.pdf", b""), 400),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else str(value),
)
def test_a_refused_file_answers_with_its_status(small: World, upload: tuple[str, bytes], status: int) -> None:
    answer = post_files(small, "officer", sent(*upload), **JSON)
    assert answer.status_code == status
    assert not answer.json()["files"][0]["ok"]
    plain = post_files(small, "officer", sent(*upload), follow=False)
    assert plain.status_code == 302
    assert not Evidence.objects.exists()


def test_the_same_file_twice_is_said(small: World) -> None:
    post_files(small, "officer", sent("Báo cáo.pdf"))
    answer = post_files(small, "officer", sent("ten khac.pdf"), indicators=[small.indicators[1].pk], **JSON)
    code = small.indicators[1].code
    assert answer.json()["files"][0]["message"] == f"Tệp này đã có: “Báo cáo”; đã gắn vào chỉ tiêu {code}."
    assert Evidence.objects.get().links.count() == 2


def test_a_request_too_long_is_refused_before_it_is_read(small: World, monkeypatch) -> None:
    monkeypatch.setattr(views, "MAX_REQUEST", 1000)
    monkeypatch.setattr(views, "take_files", None)
    for extra in (JSON, {}):
        answer = post_files(small, "officer", sent("a.pdf", files.pdf(2000)), **extra)
        assert answer.status_code == 413
        assert "Chưa có tệp nào được lưu" in (answer.json()["message"] if extra else answer.content.decode())


def test_too_many_files_at_once(small: World) -> None:
    answer = post_files(small, "officer", *(sent(f"{n}.pdf") for n in range(21)))
    assert answer.status_code == 413
    assert "nhiều nhất 20 tệp" in answer.content.decode()
    assert not Evidence.objects.exists()


def test_no_file_chosen(small: World) -> None:
    assert post_files(small, "officer", **JSON).status_code == 400
    assert post_files(small, "officer").status_code == 302


def test_uploading_needs_the_token(small: World) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(small.officer)
    answer = client.post(url("evidence_upload", small.unit.pk), {"files": [sent()]})
    assert answer.status_code == 403
    assert not Evidence.objects.exists()


@pytest.mark.parametrize("forged", ["0", "abc", "99999999999999999999", "-1", "²"])
def test_forged_indicators_are_not_found(small: World, forged: str) -> None:
    assert post_files(small, "officer", sent(), indicators=[forged]).status_code == 404
    assert not Evidence.objects.exists()


def test_an_indicator_of_a_set_that_is_not_the_units(small: World) -> None:
    district_set = CriterionFactory(criteria_set=CriteriaSetFactory(level="district"), number=1)
    draft_set = CriterionFactory(criteria_set=CriteriaSetFactory(status="draft"), number=1)
    for criterion in (district_set, draft_set):
        foreign = IndicatorFactory(criterion=criterion, position=1)
        assert post_files(small, "officer", sent(), indicators=[foreign.pk]).status_code == 404
        assert small.client("officer").get(url("evidence_panel", small.unit.pk, foreign.pk)).status_code == 404


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [("/evidence/?q=a", True), ("https://evil.example/", False), ("//evil.example", False), ("javascript:1", False)],
)
def test_it_leads_back_within_our_pages_only(small: World, wanted: str, kept: bool) -> None:
    answer = small.client("officer").post(url("evidence_upload", small.unit.pk), {"files": [sent()], "next": wanted})
    assert (answer["Location"] == wanted) is kept


def test_paper_and_classified_documents_are_registered(small: World) -> None:
    client = small.client("officer")
    indicator = small.indicators[0]
    address = url("evidence_register", small.unit.pk)
    page = client.get(f"{address}?form=paper&indicator={indicator.pk}").content.decode()
    assert "Nơi lưu bản giấy" in page
    assert indicator.code in page
    data = {
        "title": "Sổ đăng ký",
        "document_number": "01/SĐK",
        "issued_on": "05/03/2024",
        "kept_at": "Tủ 3",
        "indicator": indicator.pk,
    }
    answer = client.post(f"{address}?form=paper", data)
    assert answer.status_code == 302
    paper = Evidence.objects.get(form="paper")
    assert (paper.issued_on, paper.kept_at, paper.links.get().indicator) == (date(2024, 3, 5), "Tủ 3", indicator)
    answer = client.post(f"{address}?form=classified", {"title": "Kế hoạch phòng thủ", "checked_by": "Lê Văn Nam"})
    assert Evidence.objects.get(form="classified").checked_by == "Lê Văn Nam"
    assert client.get(f"{address}?form=file").status_code == 404
    assert client.get(url("evidence_file", paper.pk)).status_code == 404
    assert "Tủ 3" in client.get(url("evidence_detail", paper.pk)).content.decode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"title": ""}, "Nhập tên tài liệu."),
        ({"kept_at": " \u200b "}, "Nhập nơi lưu bản giấy"),
        ({"issued_on": "31/02/2024"}, "Nhập ngày như 31/12/2025."),
        ({"issued_on": "01/07/2024"}, "Ngày ban hành sau ngày hôm nay (30/06/2024)"),
        ({"issued_on": "01/01/1024"}, "quá xa trong quá khứ"),
        ({"issued_on": "01/06/2024", "expires_on": "01/05/2024"}, "trước ngày ban hành"),
        ({"title": "a" * 251}, "vượt quá 250 ký tự"),
    ],
)
def test_bad_input_is_said_beside_the_field(small: World, data: dict, message: str) -> None:
    address = f"{url('evidence_register', small.unit.pk)}?form=paper"
    answer = small.client("officer").post(address, {"title": "Sổ", "kept_at": "Tủ", **data})
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert not Evidence.objects.exists()


# --- opening ------------------------------------------------------------------------------------


def test_the_file_comes_back_under_its_name(small: World) -> None:
    evidence = small.add("Báo cáo “nước sạch” 🌾.pdf", files.pdf())
    answer = opened(small.client("officer"), url("evidence_file", evidence.pk))
    assert answer.body == files.pdf()
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"].startswith("inline; filename*=utf-8''B%C3%A1o%20c%C3%A1o%20")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Cache-Control"] == "private, no-store"
    assert "default-src 'none'" in answer["Content-Security-Policy"]
    saved = opened(small.client("officer"), url("evidence_file", evidence.pk), download="1")
    assert saved["Content-Disposition"].startswith("attachment;")
    assert saved["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("name", "body", "shown"),
    [
        ("a.jpg", files.image(), True),
        ("a.docx", files.office(), False),
        ("a.xls", files.old_office("Workbook"), False),
    ],
)
def test_only_what_browsers_show_safely_opens_in_them(small: World, name: str, body: bytes, shown: bool) -> None:
    answer = opened(small.client("officer"), url("evidence_file", small.add(name, body).pk))
    assert answer["Content-Disposition"].startswith("inline" if shown else "attachment")
    assert answer["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_downloads_are_logged(small: World, caplog) -> None:
    evidence = small.add("ho.pdf", has_personal_data=True)
    small.send()
    with caplog.at_level(logging.INFO, "ntm.audit"):
        opened(small.client("district"), url("evidence_file", evidence.pk))
    (record,) = [record for record in caplog.records if record.message == "evidence downloaded"]
    assert (record.username, record.evidence, record.personal_data) == ("district", str(evidence.pk), True)


def test_a_file_lost_from_the_disk_is_said_and_logged(small: World, media: Path, caplog) -> None:
    evidence = small.add("anh.jpg", files.image())
    (media / evidence.file.name).unlink()
    client = small.client("officer")
    for page in ("evidence_file", "evidence_preview"):
        answer = client.get(url(page, evidence.pk))
        assert answer.status_code == 404
        assert "không còn trên máy chủ" in answer.content.decode()
    assert "a stored file is missing" in caplog.text
    assert client.get(url("evidence_detail", evidence.pk)).status_code == 200


def test_previews_are_small_jpegs(small: World) -> None:
    evidence = small.add("anh.jpg", files.phone_photo((2000, 1500)))
    client = small.client("officer")
    for query, size in (({}, (1200, 1600)), ({"size": "small"}, (120, 160))):
        answer = opened(client, url("evidence_preview", evidence.pk), **query)
        assert answer["Content-Type"] == "image/jpeg"
        assert answer["X-Content-Type-Options"] == "nosniff"
        with Image.open(BytesIO(answer.body)) as picture:
            assert picture.size == size
    assert client.get(url("evidence_preview", small.add().pk)).status_code == 404


# --- the panel and the library --------------------------------------------------------------------


def test_the_panel_shows_what_a_person_may_see(small: World) -> None:
    evidence = small.add()
    address = url("evidence_panel", small.unit.pk, small.indicators[0].pk)
    officer = small.client("officer").get(address).content.decode()
    assert evidence.title in officer
    assert "Chưa gửi" in officer
    assert "Hoàn tác" in officer
    assert 'type="file"' in officer
    district = small.client("district").get(address).content.decode()
    assert evidence.title not in district
    small.send()
    district = small.client("district").get(address).content.decode()
    assert evidence.title in district
    assert "<form" not in district
    officer = small.client("officer").get(address).content.decode()
    assert "Hoàn tác" not in officer
    assert "Gỡ" in officer


def test_expired_and_personal_documents_are_marked(small: World) -> None:
    small.add()
    Evidence.objects.update(expires_on=date(2024, 6, 29), has_personal_data=True)
    page = small.client("officer").get(url("evidence_panel", small.unit.pk, small.indicators[0].pk)).content.decode()
    assert "Hết hạn từ 29/06/2024" in page
    assert "Có dữ liệu cá nhân" in page


@pytest.mark.parametrize("page", ["panel", "list"])
def test_as_many_queries_for_thirty_documents_as_for_three(small: World, count_queries, page: str) -> None:
    address = url("evidence_list") if page == "list" else url("evidence_panel", small.unit.pk, small.indicators[0].pk)
    counts = []
    for start, stop in ((0, 3), (3, 30)):
        for number in range(start, stop):
            small.add(f"{number}.pdf")
        client = small.client("officer")
        client.get(address)
        with count_queries() as queries:
            assert client.get(address).content.decode().count('class="file-row') == stop
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14


def test_the_library_is_searched_and_filtered(small: World) -> None:
    water = small.add("Nước sạch thôn 1.pdf")
    school = small.add("Trường học.pdf", indicators=small.indicators[3:])
    loose = small.add("Chưa dùng.pdf", indicators=[])
    old = small.add("Bản cũ.pdf")
    rules.retire(old, "Thay bản mới", by=small.officer)
    EvidenceLink.objects.filter(evidence=water).update(published_at=timezone.now())
    Evidence.objects.filter(pk=school.pk).update(expires_on=date(2024, 1, 1))
    client = small.client("officer")

    def found(**query: object) -> set[str]:
        return {row.title for row in client.get(url("evidence_list"), query).context["page"]}

    assert found() == {water.title, school.title, loose.title}
    assert found(q="NUOC sach") == {water.title}
    assert found(q="trường HỌC") == {school.title}
    assert found(q="khong co") == set()
    assert found(criterion=small.indicators[3].criterion_id) == {school.title}
    assert found(state="unsent") == {school.title}
    assert found(state="unused") == {loose.title}
    assert found(state="expired") == {school.title}
    assert found(state="retired") == {old.title}
    assert found(unit=small.unit.pk) == found()
    assert found(unit=small.neighbour.pk) == set()
    assert found(unit="²", criterion="9" * 40, page="x", state="?") == found()


def test_a_retired_published_document_stays_readable_above(small: World) -> None:
    evidence = small.add()
    small.send()
    rules.retire(evidence, "Sai số liệu", by=small.officer)
    page = small.client("district").get(url("evidence_detail", evidence.pk)).content.decode()
    assert "Lý do: Sai số liệu" in page
    panel = small.client("district").get(url("evidence_panel", small.unit.pk, small.indicators[0].pk))
    assert evidence.title not in panel.content.decode()


# --- changing -------------------------------------------------------------------------------------


def test_a_document_is_described_anew(small: World, caplog) -> None:
    evidence = small.add()
    client = small.client("officer")
    assert client.get(url("evidence_edit", evidence.pk)).status_code == 200
    data = {"title": "Báo cáo số 45", "document_number": "45/BC-UBND", "issued_on": "12.03.2024", "expires_on": ""}
    with caplog.at_level(logging.INFO, "ntm.audit"):
        answer = client.post(url("evidence_edit", evidence.pk), data)
    assert answer["Location"] == url("evidence_detail", evidence.pk)
    evidence.refresh_from_db()
    assert (evidence.title, evidence.document_number, evidence.issued_on) == (
        "Báo cáo số 45",
        "45/BC-UBND",
        date(2024, 3, 12),
    )
    assert Evidence.objects.search("45 bc ubnd").get() == evidence
    assert "evidence described anew" in caplog.text


def test_two_people_describing_different_fields_lose_nothing(small: World) -> None:
    evidence = small.add()
    stale = Evidence.objects.get(pk=evidence.pk)
    Evidence.objects.filter(pk=evidence.pk).update(document_number="45/BC")
    form = views.EvidenceForm({"title": "Mới", "document_number": ""}, instance=stale)
    assert form.is_valid()
    stale.save(update_fields=form.changed_data)
    evidence.refresh_from_db()
    assert (evidence.title, evidence.document_number) == ("Mới", "45/BC")


def test_retiring_asks_for_the_reason_once(small: World) -> None:
    evidence = small.add()
    small.send()
    client = small.client("leader")
    assert "Lý do ngừng sử dụng" in client.get(url("evidence_retire", evidence.pk)).content.decode()
    answer = client.post(url("evidence_retire", evidence.pk), {"reason": " "})
    assert answer.status_code == 422
    assert "Nêu lý do ngừng sử dụng." in answer.content.decode()
    client.post(url("evidence_retire", evidence.pk), {"reason": "Đính nhầm tệp"})
    evidence.refresh_from_db()
    assert evidence.retire_reason == "Đính nhầm tệp"
    answer = client.post(url("evidence_retire", evidence.pk), {"reason": "Lại"}, follow=True)
    assert "từ trước" in " ".join(message_texts(answer))


def test_an_upload_is_undone_from_its_page(small: World) -> None:
    evidence = small.add(indicators=[])
    assert (
        'btn-outline-danger" type="submit"'
        in small.client("leader").get(url("evidence_detail", evidence.pk)).content.decode()
    )
    answer = small.client("leader").post(url("evidence_undo", evidence.pk), follow=True)
    assert "Đã hoàn tác" in " ".join(message_texts(answer))
    assert not Evidence.objects.exists()
    assert small.client("officer").post(url("evidence_undo", evidence.pk)).status_code == 404


def test_an_upload_is_undone_within_the_panel(small: World) -> None:
    evidence = small.add()
    tie = evidence.links.get()
    answer = small.client("officer").post(url("evidence_undo", evidence.pk), {"link": tie.pk}, **HTMX)
    assert answer.status_code == 200
    assert "Chưa có minh chứng" in answer.content.decode()
    kept = small.add()
    small.send()
    answer = small.client("officer").post(url("evidence_undo", kept.pk), {"link": kept.links.get().pk}, **HTMX)
    assert answer.status_code == 409
    assert "đã gửi cấp trên" in answer.content.decode()


def test_a_document_is_taken_off_an_indicator(small: World) -> None:
    evidence = small.add(indicators=small.indicators[:2])
    first, second = evidence.links.order_by("indicator")
    client = small.client("officer")
    assert client.post(url("evidence_unlink", first.pk), **HTMX).status_code == 200
    assert client.post(url("evidence_unlink", first.pk)).status_code == 404
    answer = client.post(url("evidence_unlink", second.pk))
    assert answer["Location"].endswith(f"#evidence-{second.indicator_id}")
    assert not evidence.links.exists()
    assert client.get(url("evidence_unlink", second.pk)).status_code == 405


def test_more_indicators_are_chosen_and_others_keep_theirs(small: World) -> None:
    one, two, three, _ = small.indicators
    evidence = small.add(indicators=[one])
    client = small.client("officer")
    address = url("evidence_links", small.unit.pk, evidence.pk)
    page = client.get(address).content.decode()
    assert page.count("checked") == 1
    rules.link(evidence, small.unit, three, by=small.people["leader"])  # meanwhile, by somebody else
    client.post(address, {"seen": [one.pk], "indicator": [two.pk]})
    assert {link.indicator for link in evidence.links.all()} == {two, three}
    assert client.get(f"{address}?set=khong-co").status_code == 404


def test_documents_already_there_are_chosen(small: World) -> None:
    evidence = small.add()
    client = small.client("officer")
    address = url("evidence_attach", small.unit.pk, small.indicators[1].pk)
    assert evidence.title in client.get(address, {"q": "BÁO cáo"}).content.decode()
    assert "Không có tài liệu để chọn" in client.get(address, {"q": "khác hẳn"}).content.decode()
    answer = client.post(address, {"evidence": ["nothing"]}, follow=True)
    assert "Chưa chọn tài liệu nào." in message_texts(answer)
    foreign = small.add(unit=small.neighbour, indicators=[])
    client.post(address, {"evidence": [foreign.pk]})
    assert not foreign.links.exists()
    client.post(address, {"evidence": [evidence.pk]})
    assert evidence.links.count() == 2


def test_rights_end_with_the_membership(small: World) -> None:
    evidence = small.add()
    Membership.objects.filter(user=small.officer).update(ends_on=date(2024, 6, 29))
    assert small.client("officer").get(url("evidence_file", evidence.pk)).status_code == 404
