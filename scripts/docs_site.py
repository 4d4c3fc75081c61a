"""What the site has beside docs/: pages that lie elsewhere, the API, the sample report.

Links in docs/ are those of the repository. Links to files that are not on the site become the
files' names.
"""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = {
    "README.md": "index.md",
    **{name: name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")},
}
STUDY = Path("results/study-starter")
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")


def on_files(files: Files, config: Any) -> Files:
    """Adds what is not in docs/."""
    added = dict(PAGES)
    added |= {path: path for path in _study_files()}
    for source, target in added.items():
        files.append(File.generated(config, target, abs_src_path=str(ROOT / source)))
    for package in ("models", "benchmarks", "sandbox", "mtpb"):
        files.append(File.generated(config, f"api/{package}.md", content=_api(package)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Links that hold in the repository become links that hold on the site."""
    target = page.file.src_uri
    source = next((s for s, t in PAGES.items() if t == target), f"docs/{target}")

    def replaced(link: re.Match[str]) -> str:
        image, text, address = link.groups()
        path, _, fragment = address.partition("#")
        if not path or "://" in address or address.startswith("mailto:"):
            return link[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        on_site = PAGES.get(file) or file.removeprefix("docs/")
        if files.get_file_from_path(on_site) is None:
            return text
        there = posixpath.relpath(on_site, posixpath.dirname(target) or ".")
        return f"{image}[{text}]({there}{'#' + fragment if fragment else ''})"

    return markdown if target.startswith("api/") else _LINK.sub(replaced, markdown)


def _study_files() -> Iterator[str]:
    """Pictures and the report of the embedded family's study."""
    for pattern in ("*.png", "*.svg", "*.html"):
        yield from (f"{STUDY}/{path.name}" for path in sorted((ROOT / STUDY).glob(pattern)))


def _api(package: str) -> str:
    """A page with all names that a package exports."""
    tree = ast.parse((ROOT / package / "__init__.py").read_text("utf-8"))
    exported = next(
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    about = (ast.get_docstring(tree) or "").partition("\n\n")[0]
    names = "".join(f"\n::: {package}.{name}\n" for name in exported)
    return f"# {package}\n\n{about}\n{names}"
