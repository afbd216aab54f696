"""What a case holds against what it was told."""

import time
from collections.abc import Callable
from typing import Any

import grpc
from google.api_core import exceptions

# Long enough for a loaded machine; a case that waits this long has failed.
PATIENCE = 20.0


def equal(actual: Any, expected: Any, what: str) -> None:
    if actual != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {actual!r}")


def holds(fact: Any, what: str) -> None:
    if not fact:
        raise AssertionError(what)


def between(seconds: float, least: float, most: float, what: str) -> None:
    holds(least <= seconds <= most, f"{what}: expected {least} to {most} s, got {seconds:.2f} s")


def refused(code: grpc.StatusCode | set[grpc.StatusCode], call: Callable[[], Any], what: str = "the call") -> Exception:
    """The error of a call that must fail with one of these codes."""
    codes = code if isinstance(code, set) else {code}
    wanted = " or ".join(sorted(one.name for one in codes))
    try:
        call()
    except exceptions.GoogleAPICallError as error:
        got = error.grpc_status_code or by_body(error)
        if got not in codes:
            raise AssertionError(f"{what}: expected {wanted}, got {got and got.name}: {error.message}") from error
        return error
    except ValueError as error:
        # Over REST the client itself refuses a name that fits no path.
        if "HTTP binding" in str(error):
            return error
        raise
    raise AssertionError(f"{what}: expected {wanted}, but it succeeded")


def by_body(error: exceptions.GoogleAPICallError) -> grpc.StatusCode | None:
    """The code in the JSON of an error that came over REST."""
    try:
        return grpc.StatusCode[error.response.json()["error"]["status"]]
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def eventually(fact: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """The first truth that `fact` answers."""
    deadline = time.monotonic() + within
    while True:
        answer = fact()
        if answer:
            return answer
        holds(time.monotonic() < deadline, f"not within {within} s: {what}")
        time.sleep(0.05)
