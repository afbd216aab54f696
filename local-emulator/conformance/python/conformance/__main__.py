"""Runs the cases against one server, and writes a line of JSON a case."""

import argparse
import concurrent.futures
import importlib.resources
import json
import secrets
import sys
import time

from conformance import case
from conformance.world import CALLED, Clients, World

# Cases mostly wait: for deadlines, for back-off, for silence.
THREADS = 24


def main() -> None:
    arguments = argparse.ArgumentParser(prog="conformance", description=__doc__)
    arguments.add_argument("--host", required=True, help="ADDRESS:PORT of the server, as in PUBSUB_EMULATOR_HOST")
    arguments.add_argument("--only", default="", metavar="CASE", help="cases whose name contains this")
    arguments.add_argument("--rest", action="store_true", help="calls over REST instead of gRPC")
    arguments.add_argument("--list", action="store_true", help="names and documentation of the cases, no run")
    asked = arguments.parse_args()
    cases = [one for one in case.load() if asked.only in one.name]
    if asked.list:
        print("\n".join(f"{one.name}  {one.doc}" for one in cases))
        return
    clients, run = Clients(asked.host, asked.rest), secrets.token_hex(3)
    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        waiting = [pool.submit(outcome, clients, f"c{run}-{n}", one) for n, one in enumerate(cases)]
        for done in concurrent.futures.as_completed(waiting):
            print(json.dumps(done.result()), flush=True)
    if not asked.only and uncalled():
        sys.exit(f"no case calls {', '.join(uncalled())}")


def uncalled() -> list[str]:
    """Methods of the API, as the client lists them, that no case has called."""
    listed = json.loads(importlib.resources.files("google.pubsub_v1").joinpath("gapic_metadata.json").read_text())
    rpcs = [rpc for service in listed["services"].values() for rpc in service["clients"]["grpc"]["rpcs"].values()]
    return sorted({method for rpc in rpcs for method in rpc["methods"]} - CALLED)


def outcome(clients: Clients, project: str, one: case.Case) -> dict:
    """What came of one case; `detail` says what went wrong."""
    started, detail = time.monotonic(), ""
    try:
        one.run(World(clients, project))
    except Exception as error:  # A case that breaks in any way has failed, and the others go on.
        detail = f"{type(error).__name__}: {error}" if not isinstance(error, AssertionError) else str(error)
    return {
        "case": f"{'python-rest' if clients.over_rest else 'python'}.{one.name}",
        "doc": one.doc,
        "differs_because": one.differs_because,
        "ok": not detail,
        "detail": " ".join(detail.split())[:300],
        "seconds": round(time.monotonic() - started, 2),
    }


if __name__ == "__main__":
    main()
