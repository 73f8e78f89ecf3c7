"""Workbooks opened by LibreOffice, as people without Excel open them."""

import subprocess
from io import BytesIO
from pathlib import Path
from shutil import which

import openpyxl

ALWAYS = """<?xml version="1.0" encoding="UTF-8"?>
<oor:items xmlns:oor="http://openoffice.org/2001/registry" xmlns:xs="http://www.w3.org/2001/XMLSchema">
<item oor:path="/org.openoffice.Office.Calc/Formula/Load"><prop oor:name="OOXMLRecalcMode" oor:op="fuse">
<value>0</value></prop></item>
</oor:items>
"""


def resaved(content: bytes, folder: Path, *, recalculate: bool = False) -> bytes:
    """The workbook as LibreOffice saves it; `recalculate`: all formulas worked out anew, whatever is cached."""
    program = which("soffice")
    assert program, "This test needs LibreOffice: sudo apt-get install libreoffice-calc"
    profile, inside, out = folder / "profile", folder / "in", folder / "out"
    inside.mkdir(exist_ok=True)
    (inside / "bieu.xlsx").write_bytes(content)
    if recalculate:
        (profile / "user").mkdir(parents=True, exist_ok=True)
        (profile / "user" / "registrymodifications.xcu").write_text(ALWAYS)
    subprocess.run(
        [
            program,
            f"-env:UserInstallation=file://{profile}",
            "--headless",
            "--convert-to",
            "xlsx:Calc MS Excel 2007 XML",
            "--outdir",
            str(out),
            str(inside / "bieu.xlsx"),
        ],
        check=True,
        capture_output=True,
        timeout=180,
    )
    return (out / "bieu.xlsx").read_bytes()


def wrong_formulas(content: bytes, folder: Path) -> tuple[int, list[str]]:
    """How many formulas the workbook has, and those whose cached value LibreOffice works out otherwise."""
    formulas = openpyxl.load_workbook(BytesIO(content))
    cached = openpyxl.load_workbook(BytesIO(content), data_only=True)
    found = openpyxl.load_workbook(BytesIO(resaved(content, folder, recalculate=True)), data_only=True)
    number, wrong = 0, []
    for sheet in formulas.worksheets:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.data_type != "f":
                    continue
                number += 1
                ours = cached[sheet.title][cell.coordinate].value
                theirs = found[sheet.title][cell.coordinate].value
                if not _same(ours, theirs):
                    wrong.append(f"{sheet.title}!{cell.coordinate} {cell.value}: {ours!r}, LibreOffice {theirs!r}")
    return number, wrong


def _same(ours, theirs) -> bool:
    if ours in (None, "") or theirs in (None, ""):
        return (ours or "") == (theirs or "")
    if isinstance(ours, str):
        return ours == theirs
    return abs(float(ours) - float(theirs)) <= 1e-9 * max(1.0, abs(float(ours)))  # what a cell's digits can hold
