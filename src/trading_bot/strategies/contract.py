"""Whether an object that claims to be a strategy is one."""

import inspect

_METHODS = {"warm_up": 1, "on_bar": 1, "verdict": 0}
_INTERVAL_MAX_MINUTES = 390


def check_strategy(strategy: object) -> list[str]:
    """What `strategy` lacks of the protocol, one line each; empty when it can be used.

    Reads its properties and the signatures of its methods, and calls none of them. A property that
    raises is one of the findings.
    """
    return _check_values(strategy) + _check_methods(strategy)


def _check_values(strategy: object) -> list[str]:
    problems: list[str] = []
    name = _read(strategy, "name", problems)
    if name is not None and not (isinstance(name, str) and name.strip()):
        problems.append(f"name must be a text that is not empty, got {name!r}")
    interval = _read(strategy, "interval_minutes", problems)
    if interval is not None and not (_is_int(interval, 1, _INTERVAL_MAX_MINUTES)):
        problems.append(
            "interval_minutes must be a whole number of minutes from 1 to"
            f" {_INTERVAL_MAX_MINUTES}, got {interval!r}"
        )
    warm_up = _read(strategy, "warm_up_bars", problems)
    if warm_up is not None and not _is_int(warm_up, 0, None):
        problems.append(f"warm_up_bars must be a whole number from 0 up, got {warm_up!r}")
    needs_volume = _read(strategy, "needs_volume", problems)
    if needs_volume is not None and not isinstance(needs_volume, bool):
        problems.append(f"needs_volume must be True or False, got {needs_volume!r}")
    return problems


def _read(strategy: object, attribute: str, problems: list[str]) -> object:
    """The attribute's value; None, with a finding added, when there is none."""
    try:
        value: object = getattr(strategy, attribute)
    except AttributeError as error:
        problems.append(f"{attribute} is missing: {error}")
        return None
    except Exception as error:  # noqa: BLE001 a trader's property may raise anything; it is reported
        problems.append(f"{attribute} raised {type(error).__name__}: {error}")
        return None
    if value is None:
        problems.append(f"{attribute} must not be None")
    return value


def _is_int(value: object, least: int, most: int | None) -> bool:
    if not isinstance(value, int) or isinstance(value, bool):
        return False
    return value >= least and (most is None or value <= most)


def _check_methods(strategy: object) -> list[str]:
    problems: list[str] = []
    for name, arguments in _METHODS.items():
        method = getattr(strategy, name, None)
        if method is None:
            problems.append(f"method {name} is missing")
        elif not callable(method):
            problems.append(f"{name} must be a method, got {method!r}")
        elif inspect.iscoroutinefunction(method):
            problems.append(f"method {name} must not be async")
        elif not _takes(method, arguments):
            problems.append(f"method {name} must take {arguments} argument(s) besides self")
    return problems


def _takes(method: object, arguments: int) -> bool:
    assert callable(method)
    try:
        inspect.signature(method).bind(*[None] * arguments)
    except TypeError:
        return False
    return True
