#!/usr/bin/env python3
"""Loads a file of inventory logs into an audit server and compares its lists and sums with sums of its own.

    AUDIT_KEY=… python3 examples/compare_inventory.py http://127.0.0.1:8080 logs.ndjson.gz

The key needs the role admin, and one channel that has no other logs. Each row is sent with a uuid made from its place and its
text, so that the script can be run again. Needs nothing but Python.
"""

import collections
import gzip
import http.client
import json
import os
import sys
import urllib.parse
import uuid
from datetime import datetime, timedelta, timezone

LOGS = "/api/v1/audit/logs"
SUMMARY = "/api/v1/audit/summary"
PAGE = 1000


class Server:
    """One connection that stays open."""

    def __init__(self, url, key):
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self.connection = connection(parts.netloc, timeout=60)
        self.prefix = parts.path.rstrip("/")
        self.headers = {"Authorization": f"Token {key}", "Content-Type": "application/json"}

    def ask(self, method, path, body=None):
        self.connection.request(method, self.prefix + path, body=body, headers=self.headers)
        answer = self.connection.getresponse()
        text = answer.read().decode()
        if answer.status not in (200, 201):
            sys.exit(f"{method} {path} is answered with {answer.status}: {text}")
        return json.loads(text)

    def logs(self, filters):
        """The whole list, page after page."""
        logs = []
        while True:
            query = urllib.parse.urlencode({**filters, "skip": len(logs), "limit": PAGE})
            page = self.ask("GET", f"{LOGS}?{query}")
            if page["count"] != len(page["logs"]):
                sys.exit(f"{query}: the count is {page['count']}, but there are {len(page['logs'])} logs")
            logs += page["logs"]
            if not page["logs"]:
                return logs

    def summary(self, filters):
        return self.ask("GET", f"{SUMMARY}?{urllib.parse.urlencode(filters)}")


def read(path):
    """The rows, each with the id and the instant that the server should show."""
    opener = gzip.open if path.endswith(".gz") else open
    with opener(path, "rt", encoding="utf-8") as lines:
        rows = []
        for number, line in enumerate(lines):
            row = json.loads(line)
            row["id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{number} {line}"))
            row["at"] = datetime.fromisoformat(row["timestamp"].replace("Z", "+00:00")).astimezone(timezone.utc)
            rows.append(row)
        return rows


def load(server, rows):
    for row in rows:
        log = {name: value for name, value in row.items() if name not in ("id", "at")}
        answer = server.ask("POST", LOGS, json.dumps({"uuid": row["id"], **log}).encode())
        if answer != {"status": "success", "id": row["id"]}:
            sys.exit(f"row {row['id']} is answered with {answer}")


def shown(row):
    """A row as the list should show it."""
    log = {name: row[name] for name in ("id", "user_id", "user_name", "action", "table_name", "record_id")}
    log |= {name: row[name] for name in ("old_values", "new_values", "description")}
    at = row["at"]
    log["timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if at.microsecond else "%Y-%m-%dT%H:%M:%SZ")
    return log


def matches(row, filters):
    for name, value in filters.items():
        if name == "user_id":
            found = value in (row["user_id"], row["user_name"])
        elif name == "start_date":
            found = row["at"].date().isoformat() >= value
        elif name == "end_date":
            found = row["at"].date().isoformat() <= value
        else:
            found = row[name] == value
        if not found:
            return False
    return True


def wanted_logs(rows, filters):
    """Newest first, and of one instant the later row."""
    found = [row for row in rows if matches(row, filters)]
    return [shown(row) for row in sorted(reversed(found), key=lambda row: row["at"], reverse=True)]


def wanted_summary(logs):
    count = lambda key: dict(collections.Counter(key(log) for log in logs))
    return {
        "status": "success",
        "total_logs": len(logs),
        "by_table": count(lambda log: log["table_name"]),
        "by_user": count(lambda log: log["user_name"] or log["user_id"]),
        "by_action": count(lambda log: log["action"]),
    }


def questions(rows):
    """Every value of every filter, the days of the file, and some of them together."""
    yield {}
    for name in ("table_name", "action", "user_name", "user_id"):
        # A page of a web client asks for people by name, another client by id.
        parameter = "user_id" if name == "user_name" else name
        for value, _ in collections.Counter(row[name] for row in rows).most_common(25):
            yield {parameter: value}
    yield {"user_id": "nobody of that name"}
    days = sorted({row["at"].date() for row in rows})
    for day in days[:: max(1, len(days) // 25)]:
        yield {"start_date": day.isoformat(), "end_date": day.isoformat()}
        yield {"end_date": (day - timedelta(days=1)).isoformat(), "action": "CREATE"}
    person = collections.Counter(row["user_name"] for row in rows).most_common(1)[0][0]
    middle = days[len(days) // 2].isoformat()
    yield {"start_date": middle, "user_id": person, "table_name": rows[0]["table_name"], "action": "UPDATE"}


def compare(name, filters, got, wanted):
    if got != wanted:
        sys.exit(f"{name} with {filters} differs:\n  got    {str(got)[:2000]}\n  wanted {str(wanted)[:2000]}")


def main():
    if len(sys.argv) != 3 or "AUDIT_KEY" not in os.environ:
        sys.exit(__doc__)
    server, rows = Server(sys.argv[1], os.environ["AUDIT_KEY"]), read(sys.argv[2])
    load(server, rows)
    asked = listed = 0
    for filters in questions(rows):
        wanted = wanted_logs(rows, filters)
        compare("the list", filters, server.logs(filters), wanted)
        compare("the summary", filters, server.summary(filters), wanted_summary(wanted))
        asked, listed = asked + 1, listed + len(wanted)
    print(f"{len(rows)} rows loaded; {asked} lists of {listed} logs and {asked} summaries are those of the file")


if __name__ == "__main__":
    main()
