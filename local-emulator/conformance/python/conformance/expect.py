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
        got = error.grpc_status_code or by_http(error.code)
        if got not in codes:
            raise AssertionError(f"{what}: expected {wanted}, got {got and got.name}: {error.message}") from error
        return error
    raise AssertionError(f"{what}: expected {wanted}, but it succeeded")


def by_http(status: Any) -> grpc.StatusCode | None:
    """The gRPC code that an HTTP status stands for, as far as a status says it alone."""
    by_status = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 409: "ALREADY_EXISTS", 501: "UNIMPLEMENTED"}
    name = by_status.get(int(status)) if status is not None else None
    return grpc.StatusCode[name] if name else None


def eventually(fact: Callable[[], Any], what: str, within: float = PATIENCE) -> Any:
    """The first truth that `fact` answers."""
    deadline = time.monotonic() + within
    while True:
        answer = fact()
        if answer:
            return answer
        holds(time.monotonic() < deadline, f"not within {within} s: {what}")
        time.sleep(0.05)
