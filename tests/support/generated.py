"""The files that are made from the settings' model; run as a program it writes them anew.

`PYTHONPATH=src:tests python -m support.generated`
"""

from pathlib import Path

from support.checkout import ROOT
from trading_bot.config.schema import SCHEMA_NAME, default_config_text, schema_text
from trading_bot.config.table import configuration_page


def generated_files() -> dict[Path, str]:
    """Path -> what must stand there."""
    return {
        ROOT / "config" / "config.json": default_config_text(),
        ROOT / "config" / SCHEMA_NAME: schema_text(),
        ROOT / "docs" / "configuration.md": configuration_page(),
    }


if __name__ == "__main__":
    for path, text in generated_files().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"written: {path.relative_to(ROOT)}")
