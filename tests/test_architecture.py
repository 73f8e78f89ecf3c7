"""Rules about the repository itself: which way imports run, what lies where, what is left undone."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
APPS = ("ntm", "communes", "criteria", "inspections", "reports")
# A module may import its own layer and those before it; the rest of `ntm` (settings, URLs,
# commands) puts everything together and may import all.
LAYERS = (("ntm.accounts", "ntm.clock", "ntm.snapshot"), ("communes",), ("criteria",), ("inspections",), ("reports",))
# These belong to no layer: plain helpers of the project that themselves import no app.
FOUNDATION = ("ntm.addresses", "ntm.env", "ntm.logging")
TOP_LEVEL = {
    ".ci", ".gitignore", "LICENSE", "Makefile", "README.md", "communes", "criteria", "docs", "fixtures", "inspections",
    "manage.py", "ntm", "pyproject.toml", "reports", "requirements-dev.txt", "requirements.txt", "static", "templates",
    "tests",
}  # fmt: skip
VENDORED = ("static/vendor/", "tests/vendor/")


def tracked() -> list[str]:
    """Return the files git knows or would add, so that a forgotten one counts too."""
    listing = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return [name for name in listing.stdout.split("\0") if name and (ROOT / name).exists()]


def own_files(*endings: str) -> list[Path]:
    return [ROOT / name for name in tracked() if name.endswith(endings) and not name.startswith(VENDORED)]


def layer(module: str) -> int | None:
    """Return the place of a module in LAYERS, None for what stands outside them."""
    for place, names in enumerate(LAYERS):
        if any(module == name or module.startswith(f"{name}.") for name in names):
            return place
    return None


def module_name(file: Path) -> str:
    name = ".".join(file.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def imports(file: Path) -> Iterator[str]:
    """Yield the absolute names a module imports, at its head or within functions.

    `from a import b` counts as `a.b`: b may be a module.
    """
    name = module_name(file)
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            if node.level:
                anchor = package.split(".")[: len(package.split(".")) - node.level + 1]
                source = ".".join([*anchor, source] if source else anchor)
            yield from (f"{source}.{alias.name}" for alias in node.names)


def wrong_way(file: Path) -> list[str]:
    """Return the imports of a module that run against the order of layers."""
    own = layer(module_name(file))
    if own is None:
        return []
    found = []
    for imported in imports(file):
        if imported.split(".")[0] not in APPS or imported.startswith(FOUNDATION):
            continue
        place = layer(imported)
        if place is None or place > own:
            found.append(f"{file.relative_to(ROOT)} imports {imported}")
    return found


def test_imports_run_one_way() -> None:
    modules = [file for file in own_files(".py") if file.relative_to(ROOT).parts[0] in APPS]
    assert modules
    assert [fault for file in modules for fault in wrong_way(file)] == []


@pytest.mark.parametrize(
    ("imported", "wrong"),
    [
        ("from inspections import models", True),
        ("from reports.readiness import readiness", True),
        ("import inspections.conclude", True),
        ("from ntm import settings", True),
        ("from ..inspections import models", True),
        ("def late():\n    from inspections.models import Visit", True),
        ("from communes.models import Unit", False),
        ("from ntm import clock", False),
        ("from ntm.accounts.models import User", False),
        ("from . import targets", False),
        ("import django", False),
    ],
)
def test_the_import_rule_sees_every_form(imported: str, wrong: bool, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    file = tmp_path / "criteria" / "publish.py"
    file.parent.mkdir()
    file.write_text(imported)
    assert bool(wrong_way(file)) is wrong


def test_migrations_import_no_app_code() -> None:
    """A migration must work whatever the app has become since.

    The plain `import app.models` that Django itself writes, to name a field's default or
    upload_to, can't be avoided.
    """
    found = [
        f"{file.relative_to(ROOT)} imports from {node.module}"
        for file in own_files(".py")
        if file.parent.name == "migrations" and file.relative_to(ROOT).parts[0] in APPS
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.ImportFrom) and (node.level or (node.module or "").split(".")[0] in APPS)
    ]
    assert found == []


def test_top_level_holds_what_it_should() -> None:
    assert {name.split("/")[0] for name in tracked()} == TOP_LEVEL


def test_nothing_is_left_undone() -> None:
    marks = re.compile("TO" + "DO|FIX" + "ME|X" + "XX\\b")  # split, or this file would find itself
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()}"
        for file in own_files(".py", ".js", ".css", ".html", ".txt", ".md", ".toml", "Makefile")
        for number, line in enumerate(file.read_text().splitlines(), 1)
        if marks.search(line)
    ]
    assert found == []


INLINE = {
    "inline script": re.compile(r"<script(?![^>]*\bsrc=)(?![^>]*\btype=\"application/json\")[^>]*>", re.IGNORECASE),
    "inline style": re.compile(r"<style\b", re.IGNORECASE),
    "style attribute": re.compile(r"<[^>]*\sstyle\s*=", re.IGNORECASE),
    "inline event handler": re.compile(r"<[^>]*\son[a-z]+\s*=", re.IGNORECASE),
    "javascript address": re.compile(r"=\s*[\"']?\s*javascript:", re.IGNORECASE),
    "hx-on handler": re.compile(r"\shx-on[:\-]", re.IGNORECASE),
    "another host": re.compile(r"<(?:script|link|img|iframe)\b[^>]*(?:src|href)=[\"'](?:https?:)?//", re.IGNORECASE),
}


@pytest.mark.parametrize("what", INLINE)
def test_templates_obey_the_content_security_policy(what: str) -> None:
    templates = own_files(".html", ".svg")
    assert templates
    found = [
        f"{file.relative_to(ROOT)}: {match.group(0)[:120]}"
        for file in templates
        for match in INLINE[what].finditer(
            re.sub(r"{#.*?#}|{%\s*comment.*?endcomment\s*%}", "", file.read_text(), flags=re.S)
        )
    ]
    assert found == []


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("inline script", "<script>go()</script>"),
        ("inline script", '<script type="module">go()</script>'),
        ("inline style", "<style>p{}</style>"),
        ("style attribute", '<p class="a" style="width: 3%">'),
        ("inline event handler", '<button onclick="go()">'),
        ("javascript address", '<a href="javascript:go()">'),
        ("hx-on handler", '<button hx-on:click="go()">'),
        ("another host", '<script src="https://cdn.example/x.js">'),
    ],
)
def test_each_rule_finds_its_fault(what: str, text: str) -> None:
    assert INLINE[what].search(text)


def test_requirements_name_no_registry() -> None:
    for name in ("requirements.txt", "requirements-dev.txt", "pyproject.toml"):
        assert "://" not in (ROOT / name).read_text(), name
