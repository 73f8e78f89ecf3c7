"""What other people wrote and we ship lies in two folders, each with a manifest.

The manifest is the proof of origin: every file is listed with its checksum, and nothing else
may lie there.
"""

import hashlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = [ROOT / "static" / "vendor", ROOT / "tests" / "vendor"]


def listed_files(folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    return [entry for package in manifest["packages"] for entry in package["files"]]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_vendored_file_is_what_the_manifest_says(folder):
    for entry in listed_files(folder):
        content = (folder / entry["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == entry["sha256"], entry["file"]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_nothing_unlisted_is_shipped(folder):
    present = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert present - {"manifest.json"} == {entry["file"] for entry in listed_files(folder)}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_package_names_its_version_and_licence(folder):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    for package in manifest["packages"]:
        assert package["name"] and package["version"] and package["licence"]
        assert (folder / package["licence_text"]).stat().st_size > 0


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_no_vendored_file_refers_to_a_source_map(folder):
    """The manifest storage refuses a reference to a map that is not shipped."""
    for entry in listed_files(folder):
        if entry["file"].endswith((".js", ".css")):
            assert b"sourceMappingURL=" not in (folder / entry["file"]).read_bytes()[-200:]
