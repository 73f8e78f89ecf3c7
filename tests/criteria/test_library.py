"""Kho tài liệu: finding documents, tying several at once, pictures as one PDF, whose they are."""

import weakref
from datetime import date, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from PIL import Image, PdfParser

from criteria import evidence as rules
from criteria.models import CriterionOwner, Evidence, EvidenceLink
from tests.criteria import files
from tests.criteria.evidence_world import World, make_world
from tests.factories import CriteriaSetFactory, CriterionFactory, IndicatorFactory, MembershipFactory

TODAY = date(2024, 6, 30)


@pytest.fixture
def small(db, media: Path) -> World:
    return make_world()


def url(name: str, *args: object) -> str:
    return reverse(f"criteria:{name}", args=args)


def listed(client: Client, **query: object) -> list[str]:
    return [row.title for row in client.get(url("evidence_list"), query).context["page"]]


def paper(small: World, title: str, **fields: object) -> Evidence:
    fields.setdefault("unit", small.unit)
    document = Evidence(form="paper", title=title, kept_at="Tủ", uploaded_by=small.officer, **fields)
    document.set_search_text()
    document.save()
    return document


def picture(small: World, name: str, colour: str = "teal", **options: object) -> Evidence:
    body = files.image(size=(640, 480), colour=colour)
    return small.add(f"{name}.jpg", body, indicators=[], **options)


def said(answer) -> str:
    return " ".join(str(message) for message in answer.context["messages"])


# --- finding ----------------------------------------------------------------------------------


def test_words_numbers_and_years_find_documents_without_diacritics(small: World) -> None:
    paper(small, "Báo cáo nước sạch", document_number="45/BC-UBND", issued_on=date(2023, 3, 5))
    paper(small, "Quyết định quy hoạch 2021", document_number="12/QĐ-UBND", issued_on=date(2021, 1, 31))
    paper(small, "Nghị quyết", document_number="2023/NQ")
    client = small.client("officer")
    assert listed(client, q="nuoc sach") == ["Báo cáo nước sạch"]
    assert listed(client, q="45 BC") == ["Báo cáo nước sạch"]
    assert listed(client, q="12/qd") == ["Quyết định quy hoạch 2021"]
    assert set(listed(client, q="2023")) == {"Báo cáo nước sạch", "Nghị quyết"}  # by day of issue, and by number
    assert listed(client, q="bao cao 2023") == ["Báo cáo nước sạch"]
    assert listed(client, q="2021") == ["Quyết định quy hoạch 2021"]
    assert listed(client, q="1022") == listed(client, q="2022") == []
    assert listed(client, q="\u202e%_'\"khong") == []


def test_expiry_is_filtered_by_the_days_left(small: World) -> None:
    for days in (-1, 0, 29, 30, 59, 60, 89, 90):
        paper(small, str(days), expires_on=TODAY + timedelta(days=days))
    paper(small, "never")
    client = small.client("officer")
    assert listed(client, state="expired") == ["-1"]
    assert set(listed(client, state="expiring-30")) == {"0", "29"}
    assert set(listed(client, state="expiring-60")) == {"0", "29", "30", "59"}
    assert set(listed(client, state="expiring-90")) == {"0", "29", "30", "59", "60", "89"}
    assert len(listed(client, state="expiring-x")) == len(listed(client)) == 9
    text = client.get(url("evidence_list")).content.decode()
    assert text.count("Sắp hết hạn: ") == 2
    assert "Sắp hết hạn: 29/07/2024" in text


def test_personal_data_and_kind_are_filtered(small: World) -> None:
    paper(small, "Danh sách hộ", has_personal_data=True)
    small.add("Bao cao.pdf")
    picture(small, "Anh duong")
    client = small.client("officer")
    assert listed(client, personal="yes") == ["Danh sách hộ"]
    assert set(listed(client, personal="no")) == {"Bao cao", "Anh duong"}
    assert listed(client, kind="picture") == ["Anh duong"]
    assert listed(client, kind="file") == ["Bao cao"]
    assert listed(client, kind="none") == ["Danh sách hộ"]
    assert len(listed(client, kind="x", personal="x", state="x")) == 3


def test_the_list_costs_the_same_at_3_30_and_300_documents(small: World, count_queries, assert_queries) -> None:
    def fill(number: int) -> None:
        for place in range(number):
            document = paper(small, f"Văn bản {place}")
            rules.link(document, small.unit, small.indicators[place % 4], by=small.officer)

    client = small.client("officer")
    fill(3)
    with count_queries() as few:
        client.get(url("evidence_list"))
    for more in (27, 270):
        fill(more)
        with assert_queries(len(few)):
            answer = client.get(url("evidence_list"))
    assert answer.context["page"].paginator.count == 300
    assert len(answer.context["page"]) == 30


def test_home_warns_of_documents_that_expire_soon(small: World) -> None:
    paper(small, "Giấy phép", expires_on=TODAY + timedelta(days=29))
    paper(small, "Hợp đồng", expires_on=TODAY + timedelta(days=30))
    client = small.client("officer")
    section = client.get("/").context["sections"][0]
    todo = next(todo for todo in section.waiting if todo.label == "Minh chứng sắp hết hạn trong 30 ngày")
    assert todo.count == 1
    assert [row.title for row in client.get(todo.url).context["page"]] == ["Giấy phép"]


# --- predecessors -----------------------------------------------------------------------------


def test_a_predecessors_documents_are_marked_wherever_they_stand(small: World) -> None:
    old = paper(small, "Quy hoạch cũ", unit=small.predecessor)
    client = small.client("officer")
    assert "Của xã Đông Xuân" in client.get(url("evidence_list")).content.decode()
    indicator = small.indicators[0]
    assert "Của xã Đông Xuân" in client.get(url("evidence_attach", small.unit.pk, indicator.pk)).content.decode()
    query = {"evidence": old.pk}
    many = url("evidence_attach_many", small.unit.pk)
    assert "Của xã Đông Xuân" in client.get(many, query).content.decode()
    client.post(many, {**query, "indicator": indicator.pk})
    assert EvidenceLink.objects.get().unit == small.unit
    assert "Của xã Đông Xuân" in client.get(url("evidence_panel", small.unit.pk, indicator.pk)).content.decode()
    criterion = client.get(url("criterion", small.unit.pk, indicator.criterion.number)).content.decode()
    assert "Của xã Đông Xuân" in criterion
    own = paper(small, "Quy hoạch mới")
    rules.link(own, small.unit, small.indicators[1], by=small.officer)
    assert "Của xã" not in client.get(url("evidence_panel", small.unit.pk, small.indicators[1].pk)).content.decode()


def test_a_criterion_costs_the_same_with_one_and_thirty_of_a_predecessors_documents(
    small: World, count_queries, assert_queries
) -> None:
    client, indicator = small.client("officer"), small.indicators[0]
    page = url("criterion", small.unit.pk, indicator.criterion.number)

    def tie(number: int) -> None:
        for place in range(number):
            rules.link(
                paper(small, f"Văn bản {place}", unit=small.predecessor), small.unit, indicator, by=small.officer
            )

    tie(1)
    with count_queries() as one:
        client.get(page)
    tie(29)
    with assert_queries(len(one)):
        assert client.get(page).content.decode().count("Của xã Đông Xuân") == 30


# --- tying several at once --------------------------------------------------------------------


def test_several_documents_are_tied_to_several_indicators_in_one_step(
    small: World, count_queries, assert_queries
) -> None:
    documents = [paper(small, f"Văn bản {place}") for place in range(12)]
    rules.link(documents[0], small.unit, small.indicators[0], by=small.officer)
    client = small.client("officer")
    address = url("evidence_attach_many", small.unit.pk)
    page = client.get(address, {"evidence": [row.pk for row in documents], "next": "/evidence/?q=van"})
    assert page.status_code == 200
    assert all(row.title in page.content.decode() for row in documents)

    def post(chosen: list[Evidence], indicators: list) -> object:
        data = {
            "evidence": [row.pk for row in chosen],
            "indicator": [row.pk for row in indicators],
            "next": "/evidence/?q=van",
        }
        return client.post(address, data)

    with count_queries() as few:
        answer = post(documents[:2], small.indicators[:1])
    assert answer["Location"] == "/evidence/?q=van"
    with assert_queries(len(few)):
        post(documents, small.indicators[:3])
    assert EvidenceLink.objects.count() == 12 * 3
    assert EvidenceLink.objects.filter(created_by=small.officer, published_at=None).count() == 36
    post(documents, small.indicators[:3])
    assert EvidenceLink.objects.count() == 36  # what is tied stays as it is


def test_all_are_tied_or_none(small: World) -> None:
    good, retired = paper(small, "Tốt"), paper(small, "Cũ")
    rules.retire(retired, "Thay", by=small.officer)
    client = small.client("officer")
    data = {"evidence": [good.pk, retired.pk], "indicator": [small.indicators[0].pk]}
    answer = client.post(url("evidence_attach_many", small.unit.pk), data, follow=True)
    assert "“Cũ” đã ngừng sử dụng" in said(answer)
    foreign = paper(small, "Của bạn", unit=small.neighbour)
    with pytest.raises(rules.EvidenceRefused, match="không phải tài liệu"):
        rules.attach([good, foreign], small.unit, small.indicators, by=small.officer)
    gone = paper(small, "Vừa thêm")
    Evidence.objects.filter(pk=gone.pk).delete()
    with pytest.raises(rules.EvidenceRefused, match="vừa được hoàn tác"):
        rules.attach([good, gone], small.unit, small.indicators, by=small.officer)
    assert not EvidenceLink.objects.exists()


def test_what_is_not_the_units_is_not_found(small: World) -> None:
    own, foreign = paper(small, "Của mình"), paper(small, "Của bạn", unit=small.neighbour)
    client = small.client("officer")
    elsewhere = IndicatorFactory(criterion=CriterionFactory(criteria_set=CriteriaSetFactory(level="district")))
    for evidence, indicator in (
        (foreign.pk, small.indicators[0].pk),
        (own.pk, elsewhere.pk),
        (own.pk, 999_999_999),
        (own.pk, "abc"),
        (uuid4(), small.indicators[0].pk),
        ("not-a-uuid", small.indicators[0].pk),
    ):
        data = {"evidence": [own.pk, evidence], "indicator": [indicator]}
        assert client.post(url("evidence_attach_many", small.unit.pk), data).status_code == 404
        assert client.post(url("evidence_combine", small.unit.pk), {"evidence": [foreign.pk]}).status_code == 404
    assert not EvidenceLink.objects.exists()


def test_who_works_in_two_communes_keeps_their_documents_apart(small: World) -> None:
    MembershipFactory(user=small.officer, unit=small.neighbour)
    own = picture(small, "a")
    theirs = picture(small, "b", "red", unit=small.neighbour)
    client = small.client("officer")
    data = {"evidence": [own.pk, theirs.pk], "indicator": [small.indicators[0].pk]}
    for page in ("evidence_attach_many", "evidence_combine"):
        assert client.post(url(page, small.unit.pk), data).status_code == 404


def test_criteria_that_others_answer_for_are_not_offered(small: World) -> None:
    water = small.indicators[0].criterion
    colleague = MembershipFactory(unit=small.unit).user
    CriterionOwner.objects.create(
        unit=small.unit, criterion=water, user=colleague, name="Công chức nông nghiệp", starts_on=date(2024, 1, 1)
    )
    client = small.client("officer")
    document = paper(small, "Văn bản")
    address = url("evidence_attach_many", small.unit.pk)
    page = client.get(address, {"evidence": document.pk}).content.decode()
    assert "Tiêu chí 17 do Công chức nông nghiệp phụ trách" in page
    assert f'value="{small.indicators[0].pk}"' not in page
    assert f'value="{small.indicators[3].pk}"' in page
    data = {"evidence": document.pk, "indicator": [small.indicators[0].pk, small.indicators[3].pk]}
    assert client.post(address, data).status_code == 403
    assert not EvidenceLink.objects.exists()
    assert client.post(address, {**data, "indicator": small.indicators[3].pk}).status_code == 302
    assert small.client("leader").post(address, data).status_code == 302
    assert EvidenceLink.objects.count() == 2


def test_nothing_chosen_and_too_much_are_said(small: World) -> None:
    client = small.client("officer")
    address = url("evidence_attach_many", small.unit.pk)
    assert "Chưa chọn tài liệu nào" in said(client.get(address, follow=True))
    answer = client.post(address, {"evidence": paper(small, "Một").pk})
    assert answer.status_code == 422
    assert "Chọn ít nhất một chỉ tiêu" in answer.content.decode()
    many = [paper(small, f"{n}").pk for n in range(101)]
    assert "nhiều nhất 100 tài liệu" in said(client.get(address, {"evidence": many}, follow=True))


@pytest.mark.parametrize(
    ("who", "status"),
    [("leader", 200), ("neighbour", 404), ("district", 403), ("coordinator", 403), ("reviewer", 403), ("viewer", 403)],
)
def test_only_the_commune_ties_and_combines(small: World, who: str, status: int) -> None:
    first, second = picture(small, "a"), picture(small, "b", "red")
    rules.link(first, small.unit, small.indicators[0], by=small.officer)
    small.send()
    client = small.client(who)
    for page in ("evidence_attach_many", "evidence_combine"):
        query = {"evidence": [first.pk, second.pk]}
        assert client.get(url(page, small.unit.pk), query).status_code == status
        if status != 200:
            assert client.post(url(page, small.unit.pk), query).status_code == status


# --- pictures as one PDF ----------------------------------------------------------------------


def combined(small: World, pictures: list[Evidence], places: list[int] | None = None, **data: object):
    order = places or list(range(1, len(pictures) + 1))
    body = {
        "evidence": [row.pk for row in pictures],
        "title": "Ảnh hiện trạng",
        **{f"place-{row.pk}": place for row, place in zip(pictures, order, strict=True)},
        **data,
    }
    return small.client("officer").post(url("evidence_combine", small.unit.pk), body)


def pages_of(evidence: Evidence) -> list[tuple[float, float]]:
    """The sizes of the PDF's pages in points, as its own parser reads them."""
    with PdfParser.PdfParser(str(rules.stored_path(evidence.file.name))) as parser:
        boxes = [parser.read_indirect(page)[b"MediaBox"] for page in parser.pages]
        return [(round(box[2]), round(box[3])) for box in boxes]


def test_pictures_become_one_pdf_in_the_order_given(small: World) -> None:
    wide = small.add("ngang.png", files.image("PNG", (800, 400), "red"), indicators=[])
    tall = small.add("doc.jpg", files.image(size=(300, 600), colour="blue"), indicators=[])
    square = small.add("vuong.webp", files.image("WEBP", (500, 500), "green"), indicators=[])
    page = small.client("officer").get(
        url("evidence_combine", small.unit.pk), {"evidence": [wide.pk, tall.pk, square.pk]}
    )
    assert page.content.decode().count('name="place-') == 3
    answer = combined(small, [wide, tall, square], [3, 1, 2])
    made = Evidence.objects.get(title="Ảnh hiện trạng")
    assert answer["Location"] == url("evidence_detail", made.pk)
    assert (made.content_type, made.original_name, made.unit) == ("application/pdf", "Ảnh hiện trạng.pdf", small.unit)
    assert pages_of(made) == [(421, 842), (842, 842), (842, 421)]  # A4's longer side is 842 points
    assert made.size == rules.stored_path(made.file.name).stat().st_size
    assert Evidence.objects.in_use().count() == 4
    assert not made.has_personal_data


def test_the_pdf_is_upright_and_tells_nothing_of_the_camera(small: World) -> None:
    lying = small.add("dien thoai.jpg", files.phone_photo((800, 600)), indicators=[], has_personal_data=True)
    combined(small, [lying, picture(small, "b")])
    made = Evidence.objects.get(title="Ảnh hiện trạng")
    body = rules.stored_path(made.file.name).read_bytes()
    assert pages_of(made)[0] == (631, 842)  # taken lying, shown standing
    for note in (b"Exif", b"GPS", b"Nha ong A", "Máy ảnh".encode()):
        assert note not in body
    assert made.has_personal_data  # as one of its pictures does
    with rules.stored_path(lying.file.name).open("rb") as original:
        assert Image.open(original).getexif()[0x0112] == 6  # the original is as it was


def test_the_pdf_passes_our_own_check_of_uploads(small: World) -> None:
    pictures = [picture(small, f"{n}", colour) for n, colour in enumerate(("red", "green", "blue"))]
    combined(small, pictures)
    made = Evidence.objects.get(title="Ảnh hiện trạng")
    with rules.stored_path(made.file.name).open("rb") as stored:
        assert rules.check_upload(rules.File(stored, name="x.pdf")).content_type == rules.PDF
    assert len(pages_of(made)) == 3


def test_what_is_not_a_picture_is_named(small: World) -> None:
    photo, report = picture(small, "a"), small.add("Bao cao.pdf")
    for answer in (
        combined(small, [photo, report]),
        small.client("officer").get(
            url("evidence_combine", small.unit.pk), {"evidence": [photo.pk, report.pk]}, follow=True
        ),
    ):
        assert "“Bao cao” không phải là ảnh" in answer.content.decode()
    assert Evidence.objects.count() == 2


def test_forty_pictures_and_one_picture_are_refused(small: World) -> None:
    pictures = [small.add(f"{n}.png", files.image("PNG", (20 + n, 20)), indicators=[]) for n in range(40)]
    answer = combined(small, pictures)
    assert answer.status_code == 422
    assert "nhiều nhất 20 ảnh; đang chọn 40 ảnh" in answer.content.decode()
    assert "ít nhất hai ảnh" in combined(small, pictures[:1]).content.decode()
    assert "ít nhất hai ảnh" in combined(small, [pictures[0]] * 3, [1, 2, 3]).content.decode()
    assert Evidence.objects.count() == 40


def test_too_many_pixels_are_refused(small: World, monkeypatch) -> None:
    pictures = [picture(small, "a"), picture(small, "b", "red")]
    monkeypatch.setattr(rules, "MAX_PICTURES_PIXELS", 500_000)
    answer = combined(small, pictures)
    assert answer.status_code == 422
    assert "ghép ít ảnh hơn" in answer.content.decode()


def test_a_picture_that_is_gone_or_broken_is_named_and_nothing_is_left(small: World, media: Path) -> None:
    good, gone, broken = (picture(small, name, colour) for name, colour in (("a", "red"), ("b", "blue"), ("c", "tan")))
    rules.stored_path(gone.file.name).unlink()
    path = rules.stored_path(broken.file.name)
    path.write_bytes(path.read_bytes()[:600])
    before = sorted(media.rglob("*.bin"))
    for bad in (gone, broken):
        answer = combined(small, [good, bad])
        assert answer.status_code == 422
        assert f"Ảnh “{bad.title}” không mở được" in answer.content.decode()
    assert sorted(media.rglob("*.bin")) == before
    assert Evidence.objects.count() == 3


def test_a_full_disk_is_said(small: World, monkeypatch) -> None:
    pictures = [picture(small, "a"), picture(small, "b", "red")]

    def full(*args: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rules, "write_file", full)
    answer = combined(small, pictures)
    assert answer.status_code == 422
    assert "Máy chủ chưa lưu được" in answer.content.decode()
    assert Evidence.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"title": " \u200b\u202e "}, "Nhập tên tài liệu."),
        ({"title": "a" * 300}, "vượt quá 250 ký tự"),
        ({"places": ["x", 1]}, "Nhập thứ tự bằng số."),
        ({"places": ["", 1]}, "Nhập thứ tự của ảnh."),
        ({"places": [0, 1]}, "Thứ tự từ 1 trở đi."),
        ({"places": [10**30, 1]}, "Thứ tự đến 999."),
    ],
)
def test_bad_input_of_a_combination_is_said_beside_the_field(small: World, data: dict, message: str) -> None:
    pictures = [picture(small, "a"), picture(small, "b", "red")]
    answer = combined(small, pictures, **data)
    assert answer.status_code == 422
    assert message in answer.content.decode()
    assert Evidence.objects.count() == 2


def test_a_name_with_hidden_marks_is_stored_clean(small: World) -> None:
    combined(small, [picture(small, "a"), picture(small, "b", "red")], title="Ảnh\u202e \x07<b>“đường”</b>/..\\x")
    made = Evidence.objects.order_by("-uploaded_at").first()
    assert made.title == "Ảnh <b>“đường”</b>/..\\x"
    assert made.original_name == "x.pdf"


def test_one_page_at_a_time_is_kept(small: World, monkeypatch) -> None:
    pictures = [picture(small, f"{n}", f"#{n}0{n}000") for n in range(6)]
    made: list[weakref.ref] = []
    alive: list[int] = []
    original = rules.picture_page

    def counted(evidence: Evidence) -> Image.Image:
        alive.append(sum(page() is not None for page in made))
        page = original(evidence)
        made.append(weakref.ref(page))
        return page

    monkeypatch.setattr(rules, "picture_page", counted)
    rules.combine(small.unit, pictures, title="Sáu", has_personal_data=False, by=small.officer)
    assert alive == [0, 1, 1, 1, 1, 1]
