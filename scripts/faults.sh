#!/usr/bin/env bash
# Checks that the tests named in docs/faults.md ran and passed. Usage: scripts/faults.sh STANDARD-OUTPUT-OF-CARGO-TEST
# (without its standard error, which may break a line of it in two).
set -euo pipefail
cd "$(dirname "$0")/.."
[ $# -eq 1 ] && [ -r "$1" ] || { echo "usage: scripts/faults.sh FILE, what \`cargo test --workspace\` printed on standard output" >&2; exit 2; }
awk -v table=docs/faults.md '
    FILENAME != table { if ($1 == "test" && $3 == "..." && $4 == "ok") passed[$2] = 1; next }
    !/^\| / || /^\| fault / { next }
    {
        rows++
        split($0, cell, "|")
        if (cell[4] !~ /`/) { reasons++; next }
        n = split(cell[4], part, "`")
        for (i = 2; i <= n; i += 2) {
            tests++
            if (!(part[i] in passed)) { print "did not pass, or did not run: " part[i] " (" cell[2] ")"; bad = 1 }
        }
    }
    END {
        if (rows < 60) { print "the table is not read: " rows " rows"; bad = 1 }
        if (reasons * 10 > rows) { print reasons " of " rows " rows have no test: at most one in ten may"; bad = 1 }
        if (!bad) print rows " faults, " tests " tests passed, " reasons " rows with a reason instead"
        exit bad
    }' "$1" docs/faults.md
