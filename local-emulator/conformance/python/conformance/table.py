"""Lays the outcomes of two servers side by side, and says whether that is good.

It is not, where ours fails a case, where it ran none, or where the two differ and the case gives no reason from the
documentation.
"""

import argparse
import dataclasses
import json
import pathlib
import sys


@dataclasses.dataclass
class Row:
    """A case with what came of it on both sides; `None` where it was not run."""

    case: str
    ours: dict | None
    google: dict | None

    def same(self) -> bool | None:
        return self.ours["ok"] == self.google["ok"] if self.ours and self.google else None

    def reason(self) -> str | None:
        return (self.ours or self.google or {}).get("differs_because")

    def wrong(self) -> str | None:
        """What of this row must not be."""
        if self.ours is None:
            return "it was not run against ours"
        if not self.ours["ok"]:
            return f"ours: {self.ours['detail']} ({self.ours['doc']})"
        if self.same() is False and not self.reason():
            return f"differs without a reason: Google's: {self.google['detail']} ({self.google['doc']})"
        return None

    def cells(self) -> list[str]:
        verdict = {True: "same", False: "differs", None: "-"}[self.same()]
        why = f"{self.reason()}" if self.same() is False and self.reason() else ""
        return [self.case, word(self.ours), word(self.google), verdict, why]


def word(outcome: dict | None) -> str:
    return "-" if outcome is None else "ok" if outcome["ok"] else "fails"


def read(paths: list[pathlib.Path]) -> dict[str, dict]:
    lines = [line for path in paths for line in path.read_text().splitlines()]
    return {outcome["case"]: outcome for outcome in map(json.loads, lines)}


def markdown(rows: list[Row]) -> str:
    lines = ["| case | ours | Google's | | because |", "|---|---|---|---|---|"]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row.cells()) + " |" for row in rows]
    return "\n".join(lines)


def counts(rows: list[Row]) -> str:
    ours, google = [[getattr(row, side) for row in rows if getattr(row, side)] for side in ("ours", "google")]
    told = f"ours: {sum(one['ok'] for one in ours)} of {len(ours)} cases hold"
    if google:
        differing = sum(row.same() is False for row in rows)
        told += f"; Google's: {sum(one['ok'] for one in google)} of {len(google)}; {differing} differ"
    return told


def main() -> None:
    arguments = argparse.ArgumentParser(prog="conformance.table", description=__doc__)
    arguments.add_argument("--ours", nargs="+", type=pathlib.Path, required=True, metavar="FILE")
    arguments.add_argument("--google", nargs="*", type=pathlib.Path, default=[], metavar="FILE")
    arguments.add_argument("--results", type=pathlib.Path, metavar="FILE", help="writes the table there too")
    arguments.add_argument("--heading", default="", help="what was run, for the file")
    asked = arguments.parse_args()
    ours, google = read(asked.ours), read(asked.google)
    rows = [Row(name, ours.get(name), google.get(name)) for name in sorted(ours | google)]
    told = f"{counts(rows)}."
    print(markdown(rows))
    if asked.results:
        asked.results.write_text(f"# Conformance\n\n{asked.heading}\n\n{told}\n\n{markdown(rows)}\n")
    wrong = [f"{row.case}: {row.wrong()}" for row in rows if row.wrong()]
    print("\n".join(["", told, *wrong]))
    sys.exit(1 if wrong or not rows else 0)


if __name__ == "__main__":
    main()
