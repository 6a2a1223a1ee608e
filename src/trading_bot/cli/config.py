"""`trading-bot config check | show | schema`."""

import json
from argparse import Namespace

from trading_bot.cli.home import home_of
from trading_bot.config.identity import config_hash, shown
from trading_bot.config.load import Loaded, load
from trading_bot.config.schema import schema_text
from trading_bot.storage.home import Home


def run(arguments: Namespace) -> int:
    """Check, show, or print the schema; ConfigError carries a line for each problem."""
    if arguments.what == "schema":
        print(schema_text(), end="")
        return 0
    home = home_of(arguments)
    loaded = load(home)
    _try_everything(loaded, home)
    if arguments.what == "show":
        print(json.dumps(shown(loaded.config), indent=2, ensure_ascii=False))
        return 0
    _report(loaded, home)
    return 0


def _try_everything(loaded: Loaded, home: Home) -> None:
    """What only shows when it is used: the calendar's additions, the trader's own strategies."""
    from trading_bot.app.arming import check_keys
    from trading_bot.app.core_settings import make_calendar
    from trading_bot.app.strategy_files import make_factories

    if loaded.config.mode == "live":
        check_keys(loaded.config, has_flag=True)
    make_calendar(loaded.config)
    make_factories(loaded.config, home.root)


def _report(loaded: Loaded, home: Home) -> None:
    config = loaded.config
    source = loaded.file or f"the shipped defaults ({home.config_file} is not there)"
    print(f"settings     {source}")
    for name in loaded.variables:
        print(f"  over it    {name}")
    print(f"mode         {config.mode or 'not set: paper, when there is a session'}")
    print(f"watchlist    {', '.join(config.watchlist)}")
    names = ", ".join(entry.name for entry in config.strategies)
    print(f"strategies   {names or 'none: nothing will be traded'}")
    print(f"config hash  {config_hash(config)}")
    print("all settings are sound")
