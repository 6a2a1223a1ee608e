"""Settings: one JSON file and the environment, read once, checked whole.

The schema; the config hash.

In: `config/config.json` of a home, variables `TRADING_BOT_*`, the home's `.env`. Out: one `Config`.
Invariants: unknown keys and wrong types refuse the start, each on a line of its own; secrets are
never shown; the same settings have the same hash wherever they were written.
"""
