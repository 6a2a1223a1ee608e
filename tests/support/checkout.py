"""The checkout as the architecture tests see it: its files, its rooms, its syntax trees."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "trading_bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: `name` is its path below the folder that was asked for."""

    name: str
    text: str
    tree: ast.Module


def modules(folder: Path) -> Iterator[Module]:
    """Every Python file below `folder`, in order of its name."""
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(folder).as_posix()
        yield Module(name=name, text=text, tree=ast.parse(text, filename=name))


def rooms() -> set[str]:
    """The rooms of the house as they stand on disk."""
    return {path.parent.name for path in SOURCE.glob("*/__init__.py")}


def tracked_files() -> list[Path]:
    """Every file that belongs to the project, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file()]


def dotted_name(node: ast.AST) -> str | None:
    """`a.b.c` for an attribute chain of plain names, None for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        parent = dotted_name(node.value)
        return None if parent is None else f"{parent}.{node.attr}"
    return None


def imported_names(tree: ast.Module) -> dict[str, str]:
    """Local name -> full name, for every import of a file, wherever in it the import stands."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                local = alias.asname or alias.name.split(".")[0]
                names[local] = alias.name if alias.asname else local
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return names


def used_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, full name) of every imported thing a file uses, `now` resolved to its module."""
    imported = imported_names(tree)
    for node in ast.walk(tree):
        name = dotted_name(node)
        if name is None:
            continue
        head, _, rest = name.partition(".")
        if head in imported:
            line = getattr(node, "lineno", 0)
            yield line, f"{imported[head]}.{rest}" if rest else imported[head]
