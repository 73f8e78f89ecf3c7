"""The country's units come in whole, stay themselves through the lists, and bad lists stay out."""

import csv
import gzip
import io
from datetime import date
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from communes.checks import problems
from communes.loading import FOLDER, Malformed, NotLoadable, load, read_units, snapshots
from communes.models import Level, Succession, Unit, UnitVersion
from tests.factories import CommuneFactory, DistrictFactory, ProvinceFactory

pytestmark = pytest.mark.django_db
D2017, D2023, D2025, REFORM, D2026 = (snapshot.valid_on for snapshot in snapshots())


def run(*args, **options) -> str:
    out = StringIO()
    call_command("load_units", *args, stdout=out, **options)
    return out.getvalue()


def state():
    return [list(model.objects.order_by("pk").values()) for model in (Unit, UnitVersion, Succession)]


def counts(on=None):
    units = Unit.objects.existing(on) if on else Unit.objects.all()
    return [units.filter(level=level).count() for level in (Level.PROVINCE, Level.DISTRICT, Level.COMMUNE)]


# --- the whole country ---------------------------------------------------------------------


def test_the_whole_country_of_2023(count_queries):
    with count_queries() as queries:
        out = run("--date", "2024-06-30")
    assert len(queries) < 600  # in batches; one by one it would be more than 20,000
    assert "Danh mục ngày 01/04/2023" in out
    assert counts() == [63, 700, 10599]
    assert Unit.objects.rural_communes().count() == 8248
    assert UnitVersion.objects.count() == 63 + 700 + 10599
    assert problems() == []
    # Every line of the file is a unit in its province and district, under its own name.
    found = Unit.objects.filter(level=Level.COMMUNE).values_list("province__code", "district__code", "code", "name")
    assert {row[:3] for row in found} == {
        (row.province_code, row.district_code, row.code) for row in read_units(snapshots()[1].path)
    }
    dong_phu = Unit.objects.get(code="16420", level=Level.COMMUNE)
    assert dong_phu.full_name == "Xã Đông Phú"
    assert dong_phu.district.full_name == "Huyện Đông Sơn"
    assert (dong_phu.parent, dong_phu.commune, dong_phu.region) == (dong_phu.district, dong_phu, "bac-trung-bo")
    assert (dong_phu.opened_on, dong_phu.versions.get().valid_from) == (None, D2023)
    # Searching without diacritics, order by the Vietnamese alphabet.
    assert dong_phu in Unit.objects.search("dong phu")
    assert dong_phu in Unit.objects.search("ĐÔNG PHÚ")
    assert dong_phu in Unit.objects.search("16420")
    names = list(Unit.objects.filter(level=Level.PROVINCE).values_list("name", flat=True))
    assert names[:5] == ["An Giang", "Bà Rịa - Vũng Tàu", "Bạc Liêu", "Bắc Giang", "Bắc Kạn"]
    assert names.index("Cà Mau") < names.index("Đà Nẵng") < names.index("Gia Lai")
    before = state()
    assert "không có thay đổi" in run("--date", "2024-06-30")
    assert state() == before


def test_the_whole_country_of_today():
    run("--date", "2025-12-31")
    assert counts() == [34, 0, 3321]
    assert problems() == []
    assert not Unit.objects.filter(district__isnull=False).exists()
    assert not Unit.objects.filter(region="").exists()
    truong_luu = Unit.objects.get(code="18436")
    assert (truong_luu.name, truong_luu.opened_on, truong_luu.parent) == ("Trường Lưu", REFORM, truong_luu.province)
    # Formed of two provinces that day, or untouched.
    assert Unit.objects.get(level=Level.PROVINCE, code="75").opened_on == REFORM
    assert Unit.objects.get(level=Level.PROVINCE, code="38").opened_on is None
    # A commune of former Bình Thuận keeps its region in Lâm Đồng.
    assert set(Unit.objects.filter(province__code="68").values_list("region", flat=True)) == {
        "tay-nguyen",
        "duyen-hai-nam-trung-bo",
    }
    assert "thay đổi 12 đơn vị" in run("--date", "2026-11-23")
    assert counts(D2026) == [34, 0, 3321]
    recoded = Unit.objects.get(code="06978")
    assert [(v.code, v.valid_from, v.valid_to) for v in recoded.versions.all()] == [
        ("06970", REFORM, D2026),
        ("06978", D2026, None),
    ]
    dong_nai = Unit.objects.get(level=Level.PROVINCE, code="75")
    assert [str(v) for v in dong_nai.versions.all()] == ["Tỉnh Đồng Nai", "Thành phố Đồng Nai"]
    assert problems() == []
    assert "không có thay đổi" in run("--date", "2026-11-23")


# --- through the lists ---------------------------------------------------------------------


def test_history_of_two_provinces():
    out = run("--date", "2023-04-30", "--province", "42", "38", "--history")
    on_lists = {
        snapshot.valid_on: sum(row.province_code in ("42", "38") for row in read_units(snapshot.path))
        for snapshot in snapshots()[:2]
    }
    assert {day: counts(day)[2] for day in on_lists} == on_lists
    assert counts(D2017)[:2] == [2, 40]
    # Renamed, not merged: one unit, two versions; the day of the change is owned to be unknown.
    renamed = Unit.objects.get(level=Level.DISTRICT, code="407")
    assert [str(v) for v in renamed.versions.all()] == ["Huyện Tĩnh Gia", "Thị xã Nghi Sơn"]
    assert "ngày thay đổi thực tế chưa rõ" in renamed.versions.last().decision
    assert not Succession.objects.filter(is_verified=True).exists()
    # What can't be told is told.
    assert "Không rõ nhập vào đâu (4): Xã Thanh Xuân (14893)" in out
    assert [line.split(" (")[0] for line in problems()] == [
        "Xã Thanh Xuân", "Xã Xuân Phú", "Thị trấn Lam Sơn", "Xã Xuân Thọ",
    ]  # fmt: skip
    before = state()
    assert "không có thay đổi" in run("--date", "2023-04-30", "--province", "42", "38", "--history")
    assert state() == before


def test_carried_into_the_reform():
    load(D2023, ["42"])
    kim_song_truong = Unit.objects.get(code="18436")
    district = kim_song_truong.district
    report = load(REFORM, ["42"])
    assert counts(REFORM) == [1, 0, 69]
    assert report.lost == []
    province = Unit.objects.get(level=Level.PROVINCE)
    assert (province.versions.count(), province.closed_on) == (1, None)
    kim_song_truong.refresh_from_db()
    district.refresh_from_db()
    assert (kim_song_truong.closed_on, district.closed_on) == (REFORM, REFORM)
    assert problems() == []


def test_alone_in_the_reform_a_commune_stays_itself():
    load(D2025, ["45", "38"])
    before = Unit.objects.get(code="14845")
    assert before.full_name == "Thị trấn Mường Lát"
    load(REFORM, ["38"])
    after = Unit.objects.get(pk=before.pk)
    assert (after.full_name, after.district, after.closed_on) == ("Xã Mường Lát", None, None)
    assert [(str(v), v.valid_to, v.district_id) for v in after.versions.all()] == [
        ("Thị trấn Mường Lát", REFORM, before.district_id),
        ("Xã Mường Lát", None, None),
    ]


def test_provinces_merge():
    load(D2025, ["75", "70"])
    old = {unit.code: unit for unit in Unit.objects.filter(level=Level.PROVINCE)}
    report = load(REFORM, ["75"])
    new = Unit.objects.get(level=Level.PROVINCE, closed_on=None)
    assert (new.code, new.full_name, new.opened_on) == ("75", "Tỉnh Đồng Nai", REFORM)
    assert {link.predecessor_id for link in new.origins.all()} == {unit.pk for unit in old.values()}
    assert counts(REFORM)[2] == report.rows == sum(r.province_code == "75" for r in read_units(snapshots()[3].path))
    # A commune that nobody else joined keeps its identity under the new province.
    kept = Unit.objects.filter(level=Level.COMMUNE, closed_on=None, opened_on=None)
    assert kept
    for unit in kept:
        assert (unit.province, unit.parent) == (new, new)
        assert unit.versions.first().province_id in {unit.pk for unit in old.values()}
    assert problems() == []


def test_what_people_changed_since_stays():
    load(D2023, ["42"])
    commune = Unit.objects.get(code="18436")
    commune.versions.update(valid_to=date(2024, 1, 1))
    commune.name = "Tên Mới"
    commune.set_name_keys()
    commune.save()
    same = {
        name: getattr(commune, name) for name in ("code", "name", "kind", "parent", "province", "district", "region")
    }
    UnitVersion.objects.create(unit=commune, commune=commune, valid_from=date(2024, 1, 1), **same)
    assert load(D2023, ["42"]).is_unchanged
    commune.refresh_from_db()
    assert commune.name == "Tên Mới"


def test_villages_go_with_their_commune():
    load(D2025, ["38"])
    commune = Unit.objects.get(code="14845")
    merged = (
        Unit.objects.filter(level=Level.COMMUNE, code="14848").first()
        or Unit.objects.filter(level=Level.COMMUNE).exclude(pk=commune.pk).first()
    )
    villages = []
    for parent in (commune, merged):
        village = Unit(level=Level.VILLAGE, kind="thon", name="Một", parent=parent, commune=parent)
        village.district, village.province = parent.district, parent.province
        village.set_name_keys()
        village.save()
        villages.append(village)
    load(REFORM, ["38"])
    for village, parent in zip(villages, (commune, merged), strict=True):
        village.refresh_from_db()
        parent.refresh_from_db()
        heir = parent if parent.closed_on is None else parent.successions.get().successor
        assert (village.parent, village.commune, village.province, village.district) == (
            heir,
            heir,
            heir.province,
            None,
        )


def test_refusals():
    with pytest.raises(CommandError, match="Không có danh mục đơn vị nào từ ngày 30/09/2017"):
        run("--date", "2017-09-30")
    with pytest.raises(CommandError, match="không có tỉnh mã 06"):
        run("--date", "2025-07-01", "--province", "06")
    with pytest.raises(CommandError, match="không phải là ngày"):
        run("--date", "01/07/2025")
    load(REFORM, ["42"])
    with pytest.raises(NotLoadable, match="đã có danh mục ngày 01/07/2025, mới hơn danh mục ngày 01/04/2023"):
        load(D2023, ["42"])


# --- other files ---------------------------------------------------------------------------

HEADER = "province_code,province,district_code,district,commune_code,commune,commune_type"
GOOD = [
    "38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,Xã Đông Phú,xa",
    "38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16414,Xã Đông Thịnh,xa",
    "42,Tỉnh Hà Tĩnh,443,Huyện Can Lộc,18436,Xã Kim Song Trường,xa",
]


@pytest.fixture
def write(tmp_path):
    def write_it(lines, header=HEADER, name="units.csv"):
        path = tmp_path / name
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return path

    return write_it


def test_a_newer_file(write):
    load(D2026, ["38"])
    header = "province_code,province,commune_code,commune"
    rows = [row for row in read_units(snapshots()[4].path) if row.province_code == "38"]
    lines = [f"{row.province_code},{row.province},{row.code},{row.name}" for row in rows]
    lines[0] = lines[0].replace("Phường ", "Xã ")
    path = write(lines, header)
    report = load(date(2027, 1, 1), ["38"], file=path)
    assert (report.changed, report.closed, report.rows) == (1, 0, len(rows))
    assert load(date(2027, 1, 1), ["38"], file=path).is_unchanged
    with pytest.raises(Malformed, match=r"tệp thiếu \d+/\d+ xã của Tỉnh Thanh Hoá"):
        load(date(2027, 2, 1), ["38"], file=write(lines[: len(lines) // 2], header))
    load(D2026, ["42"])
    with pytest.raises(Malformed, match=r"tệp thiếu Tỉnh Hà Tĩnh \(mã 42\)"):
        load(date(2027, 2, 1), file=write(lines, header))
    assert counts(date(2027, 3, 1))[2] == len(rows) + 69


def test_a_file_gives_what_the_snapshot_gives(write, tmp_path):
    text = gzip.decompress((FOLDER / "communes_2023-04.csv.gz").read_bytes()).decode()
    mine = [row for row in csv.reader(io.StringIO(text)) if row[0] == "42"]
    path = write([",".join(row) for row in mine])
    load(D2023, ["42"], file=path)
    from_file = list(Unit.objects.order_by("level", "code").values("level", "code", "name", "kind", "province__code"))
    UnitVersion.objects.all().delete()
    Unit.objects.update(parent=None, province=None, district=None, commune=None)
    Unit.objects.all().delete()
    load(D2023, ["42"])
    assert from_file == list(
        Unit.objects.order_by("level", "code").values("level", "code", "name", "kind", "province__code")
    )


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["8,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,Xã Đông Phú,xa"], "dòng 2: province_code “8” phải gồm 2 chữ số"),
        (["38,Tỉnh Thanh Hóa,5,Huyện Đông Sơn,16420,Xã Đông Phú,xa"], "dòng 2: district_code “5” phải gồm 3 chữ số"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,1642,Xã Đông Phú,xa"], "dòng 2: commune_code “1642” phải gồm 5"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,1642O,Xã Đông Phú,xa"], "dòng 2: commune_code “1642O” phải gồm 5"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,１６４２０,Xã Đông Phú,xa"], "phải gồm 5 chữ số"),
        ([GOOD[0], GOOD[0]], "dòng 3: mã xã 16420 đã có ở dòng 2"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,Làng Đông Phú,xa"], "“Làng Đông Phú” không thuộc loại"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,Đông Phú,xa"], "“Đông Phú” không thuộc loại"),
        (["38,Huyện Thanh Hóa,405,Huyện Đông Sơn,16420,Xã Đông Phú,xa"], "province “Huyện Thanh Hóa” không thuộc loại"),
        (["38,Tỉnh Thanh Hóa,405,Xã Đông Sơn,16420,Xã Đông Phú,xa"], "district “Xã Đông Sơn” không thuộc loại"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,,xa"], "dòng 2: commune để trống"),
        (["38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,   ,xa"], "dòng 2: commune để trống"),
        (["38,,405,Huyện Đông Sơn,16420,Xã Đông Phú,xa"], "dòng 2: province để trống"),
        ([",Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,Xã Đông Phú,xa"], "province_code “” phải gồm 2 chữ số"),
        ([f"38,Tỉnh Thanh Hóa,405,Huyện Đông Sơn,16420,Xã {'a' * 101},xa"], "commune dài quá 100 ký tự"),
        ([*GOOD, "38,Tỉnh Thanh Ho"], "dòng 5: có 2 cột, phải có 7 (tệp bị cắt cụt?)"),
        ([GOOD[0], GOOD[1].replace("Thanh Hóa", "Nghệ An")], "dòng 3: mã tỉnh 38 mang hai tên"),
        ([GOOD[0], GOOD[1].replace("Huyện Đông Sơn", "Huyện Tây Sơn")], "dòng 3: mã huyện 405 mang hai tên"),
        ([GOOD[0], "42,Tỉnh Hà Tĩnh,405,Huyện Đông Sơn,18436,Xã Một,xa"], "dòng 3: huyện 405 thuộc hai tỉnh"),
        ([], "tệp không có dòng nào"),
        (['38,"Tỉnh" x,405,Huyện Đông Sơn,16420,Xã Đông Phú,xa'], "dòng 2: không đúng định dạng CSV"),
    ],
)
def test_a_malformed_list_is_refused_whole(write, lines, reason):
    path = write(lines)
    with pytest.raises(CommandError, match="Không nạp gì") as error:
        run("--date", "2027-01-01", "--file", str(path))
    assert reason in str(error.value)
    assert not Unit.objects.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "dòng 1: thiếu cột province_code, province, commune_code, commune"),
        (b"province_code,province,commune\n", "dòng 1: thiếu cột commune_code"),
        (b"province_code,province,district_code,commune_code,commune\n", "dòng 1: thiếu cột district"),
        ("\n".join([HEADER, *GOOD]).encode(), "dòng 4: tệp bị cắt cụt"),
        (f"{HEADER}\n{GOOD[0]}\n".encode() + b"38,T\xd0nh\n", "dòng 3: tệp không phải mã hóa UTF-8"),
        (f"{HEADER}\n".encode("utf-16"), "không phải mã hóa UTF-8"),
        (b"PK\x03\x04\0\0\0\n", "không phải CSV"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path, content, reason):
    path = tmp_path / "units.csv"
    path.write_bytes(content)
    with pytest.raises(Malformed) as error:
        read_units(path)
    assert reason in str(error.value)


def test_compressed_halves_and_missing_files_are_refused(tmp_path):
    whole = (FOLDER / "communes_2025-07.csv.gz").read_bytes()
    for name, content in (("half.csv.gz", whole[:9000]), ("plain.csv.gz", b"province_code\n")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(Malformed, match="tệp nén hỏng hoặc bị cắt cụt"):
            read_units(tmp_path / name)
    with pytest.raises(Malformed, match="không đọc được tệp"):
        read_units(tmp_path / "absent.csv")
    with pytest.raises(Malformed, match="tệp có 3321 dòng, phải có 3322"):
        read_units(FOLDER / "communes_2025-07.csv.gz", rows=3322)


def test_every_snapshot_reads_whole():
    for snapshot in snapshots():
        assert len(read_units(snapshot.path, snapshot.rows)) == snapshot.rows


def test_half_a_list_leaves_everything_as_it_was(write):
    """Units entered by hand count as present: a list without their province isn't believed."""
    CommuneFactory(parent=DistrictFactory(parent=ProvinceFactory(code="01", name="Hà Nội", kind="thanh-pho")))
    before = state()
    with pytest.raises(Malformed, match=r"tệp thiếu Thành phố Hà Nội \(mã 01\)"):
        load(date(2027, 1, 1), file=write(GOOD))
    assert state() == before
