"""Files and functions stay small, rooms introduce themselves, tests say what they promise."""

import ast
from collections.abc import Iterator
from pathlib import Path

from support.checkout import ROOT, SOURCE, Module, modules

LINES_PER_FILE = 400
LINES_PER_FUNCTION = 50

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: Module) -> Iterator[Function]:
    """Every function and method of a file, nested ones too."""
    for node in ast.walk(module.tree):
        if isinstance(node, Function):
            yield node


def long_files(folder: Path) -> list[str]:
    """The files that are longer than a file may be."""
    return [
        f"{module.name}: {module.text.count(chr(10))} lines"
        for module in modules(folder)
        if module.text.count("\n") > LINES_PER_FILE
    ]


def long_functions(folder: Path) -> list[str]:
    """The functions that are longer than a function may be, signature and docstring included."""
    return [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules(folder)
        for node in functions(module)
        if (node.end_lineno or node.lineno) - node.lineno >= LINES_PER_FUNCTION
    ]


def doors_with_more_than_a_docstring(folder: Path) -> list[str]:
    """The `__init__.py` files that hold code, or nothing."""
    return [
        module.name
        for module in modules(folder)
        if module.name.endswith("__init__.py")
        and not (len(module.tree.body) == 1 and ast.get_docstring(module.tree))
    ]


def folders_without_a_door(folder: Path) -> list[str]:
    """The folders with Python files but without an `__init__.py`."""
    found = {path.parent for path in folder.rglob("*.py")}
    return sorted(str(path) for path in found if not (path / "__init__.py").exists())


def mute_tests(folder: Path) -> list[str]:
    """The tests that do not say in a docstring what they promise."""
    return [
        f"{module.name}:{node.lineno} {node.name}"
        for module in modules(folder)
        if Path(module.name).name.startswith("test_")
        for node in functions(module)
        if node.name.startswith("test_") and not ast.get_docstring(node)
    ]


def test_files_are_short() -> None:
    """No source file is longer than a reader's patience."""
    assert long_files(SOURCE) == []


def test_functions_are_short() -> None:
    """No function is longer than a screen."""
    assert long_functions(SOURCE) == []


def test_every_door_is_a_docstring() -> None:
    """The `__init__.py` of a room says what the room is for, and does nothing."""
    assert doors_with_more_than_a_docstring(SOURCE) == []
    assert folders_without_a_door(SOURCE) == []


def test_every_test_says_what_it_promises() -> None:
    """Each test has a docstring."""
    assert mute_tests(ROOT / "tests") == []


def test_the_measures_catch_what_is_too_much(tmp_path: Path) -> None:
    """The control: a house that breaks each measure is reported, one that just keeps it is not."""
    body = "\n".join("    x = 1" for _ in range(LINES_PER_FUNCTION - 1))
    (tmp_path / "kept.py").write_text(f"def f():\n{body}\n", encoding="utf-8")
    (tmp_path / "grown.py").write_text(f"def f():\n    y = 1\n{body}\n", encoding="utf-8")
    (tmp_path / "full.py").write_text("x = 1\n" * LINES_PER_FILE, encoding="utf-8")
    (tmp_path / "overfull.py").write_text("x = 1\n" * (LINES_PER_FILE + 1), encoding="utf-8")
    (tmp_path / "test_mute.py").write_text("def test_x():\n    pass\n", encoding="utf-8")
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "__init__.py").write_text('"""A room."""\nX = 1\n', encoding="utf-8")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "x.py").touch()

    assert long_functions(tmp_path) == ["grown.py:1 f"]
    assert long_files(tmp_path) == ["overfull.py: 401 lines"]
    assert doors_with_more_than_a_docstring(tmp_path) == ["room/__init__.py"]
    assert str(tmp_path / "closed") in folders_without_a_door(tmp_path)
    assert mute_tests(tmp_path) == ["test_mute.py:1 test_x"]
