"""Fills the database of a Buildbot master that has been started once with a history: commits by builders.

usage: buildbot_history.py state.sqlite COMMITS BUILDERS

Builders, a worker and the master are there already, since the master made them. Of a thousand builds twenty failed.
"""

import hashlib
import sqlite3
import sys

BETWEEN = 52 * 60  # seconds between two commits: 20,000 are two years
NOW = 1_795_608_000  # 2026-11-25
WORDS = "runtime shrink the timer heap net/http retry closed connections cmd/go vendor consistently".split()


def mixed(number):
    return int.from_bytes(hashlib.sha256(str(number).encode()).digest()[:8], "big")


def subject(commit):
    return " ".join(WORDS[mixed((commit, word)) % len(WORDS)] for word in range(7))


def commits(count):
    for commit in range(count):
        at = NOW - BETWEEN * (count - commit)
        yield commit + 1, at, hashlib.sha1(str(commit).encode()).hexdigest()


def outcome(commit, builder):
    return 2 if mixed((commit, builder)) % 1000 < 20 else 0  # FAILURE, SUCCESS


def fill(base, count):
    master = base.execute("SELECT id FROM masters").fetchone()[0]
    worker = base.execute("SELECT id FROM workers").fetchone()[0]
    builders = [row[0] for row in base.execute("SELECT id FROM builders WHERE name LIKE 'b%' ORDER BY name")]
    stamps, changes, sets, links, requests, builds = [], [], [], [], [], []
    for commit, at, revision in commits(count):
        stamps.append((commit, revision, "main", revision, at))
        changes.append((commit, f"Ann Example {commit % 300} <ann@example.com>", subject(commit), revision, at, commit))
        sets.append((commit, at, at + 700))
        links.append((commit, commit, commit))
        for place, builder in enumerate(builders):
            row = (commit - 1) * len(builders) + place + 1
            result = outcome(commit, place)
            requests.append((row, commit, builder, result, at, at + 650))
            builds.append((row, commit, builder, row, worker, master, at + 20, at + 650, result))
        if commit % 1000 == 0 or commit == count:
            write(base, stamps, changes, sets, links, requests, builds)
            for rows in (stamps, changes, sets, links, requests, builds):
                rows.clear()


def write(base, stamps, changes, sets, links, requests, builds):
    base.executemany("INSERT INTO sourcestamps (id, ss_hash, branch, revision, created_at) VALUES (?, ?, ?, ?, ?)", stamps)
    base.executemany(
        "INSERT INTO changes (changeid, author, comments, branch, revision, when_timestamp, sourcestampid)"
        " VALUES (?, ?, ?, 'main', ?, ?, ?)",
        changes,
    )
    base.executemany(
        "INSERT INTO buildsets (id, reason, submitted_at, complete, complete_at, results) VALUES (?, 'push', ?, 1, ?, 0)", sets
    )
    base.executemany("INSERT INTO buildset_sourcestamps (id, buildsetid, sourcestampid) VALUES (?, ?, ?)", links)
    base.executemany(
        "INSERT INTO buildrequests (id, buildsetid, builderid, complete, results, submitted_at, complete_at)"
        " VALUES (?, ?, ?, 1, ?, ?, ?)",
        requests,
    )
    base.executemany(
        "INSERT INTO builds (id, number, builderid, buildrequestid, workerid, masterid, started_at, complete_at,"
        " locks_duration_s, state_string, results) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 'finished', ?)",
        builds,
    )
    base.commit()


def main():
    path, count, wanted = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    base = sqlite3.connect(path)
    base.execute("PRAGMA synchronous=OFF")
    found = base.execute("SELECT COUNT(*) FROM builders WHERE name LIKE 'b%'").fetchone()[0]
    if found != wanted:
        sys.exit(f"the master has {found} builders, not {wanted}: has it been started once?")
    fill(base, count)


if __name__ == "__main__":
    main()
