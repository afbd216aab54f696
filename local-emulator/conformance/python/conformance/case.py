"""What a case is, and the list of all of them."""

import dataclasses
import importlib
import pkgutil
from collections.abc import Callable

from conformance import cases
from conformance.world import World


@dataclasses.dataclass(frozen=True)
class Case:
    """One thing that the service's documentation says, and code that fails where a server does otherwise."""

    name: str
    doc: str
    run: Callable[[World], None]
    # Why the documentation, and not Google's emulator, is followed where the two differ.
    differs_because: str | None


ALL: list[Case] = []


def case(doc: str, differs_because: str | None = None):
    """Makes a case of a function; its module and its own name are the case's name."""

    def enlist(run: Callable[[World], None]):
        add(f"{run.__module__.rsplit('.', 1)[-1]}.{run.__name__}", doc, run, differs_because)
        return run

    return enlist


def add(name: str, doc: str, run: Callable[[World], None], differs_because: str | None = None) -> None:
    """Adds a case that a table or loop makes."""
    if any(other.name == name for other in ALL):
        raise ValueError(f"two cases are called {name}")
    ALL.append(Case(name, doc, run, differs_because))


def load() -> list[Case]:
    """Every case of every module in `cases`."""
    for module in pkgutil.iter_modules(cases.__path__):
        importlib.import_module(f"{cases.__name__}.{module.name}")
    return ALL
