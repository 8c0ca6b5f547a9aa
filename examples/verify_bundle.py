#!/usr/bin/env python3
"""Verifies export bundles of the audit log. It is written from docs/log-format.md alone and shares no code with the server.

    python3 examples/verify_bundle.py BUNDLE... --vkey KEY|FILE [--checkpoint FILE [--consistency FILE]]
    python3 examples/verify_bundle.py BUNDLE... --policy FILE [--checkpoint FILE [--consistency FILE]]

It needs Python 3.9 and the package `cryptography`, for Ed25519. The keys come from the operator, by another way than the
bundle. A bundle whose name ends in `.gz` is decompressed. The script prints `ok`, `erased`, `tampered` or `missing` for each
entry, and then whether the bundle is proven: until that line, the verdicts of a range are provisional.

Exit code 0: everything is proven. 1: something is wrong. 2: something could not be checked, and nothing is wrong.
"""

import argparse
import gzip
import os
import re
import struct
import sys
import uuid
import zlib
from collections import Counter
from datetime import datetime

from log_format import (
    STREAMS, NotChecked, Note, Tree, Trust, Wrong, check_members, hashes, hexadecimal, integer, is_consistent, log_of,
    parse_json, root_of, sha, string,
)

LINE_BYTES_MAX = 8 * 1024 * 1024
EVENT_SLOTS = "subject user remote_addr url query_params post_data headers content description extra impersonator masked"
NAMES = {
    "events": dict(enumerate(EVENT_SLOTS.split())),
    "action-logs": {0: "subject", 1: "message", 2: "trace", 9: "extra", 11: "masked"},
}
# Microseconds since the epoch: the years 1 to 9999.
INSTANTS = range(-62_135_596_800_000_000, 253_402_300_800_000_000)


def check_instant(text):
    """An instant in UTC; six digits of a fraction, unless it is 0."""
    try:
        if not re.fullmatch(r"[-0-9]{10}T[0-9:]{8}(\.(?!000000)[0-9]{6})?Z", text):
            raise ValueError("its form")
        datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        raise Wrong("`at` is not an instant in UTC") from None


def check_slot(slot, stream, number, stated):
    """Whether a slot is that of the leaf, and erased."""
    is_erased = type(slot) is dict and "commitment" in slot
    check_members(slot, ["slot", "name", *(["commitment", "erased"] if is_erased else ["salt", "value"])])
    if integer(slot, "slot") != number:
        raise Wrong(f"slot {number} of the leaf is not shown in its place")
    if number not in NAMES[stream]:
        raise Wrong(f"slot {number} has no name: it needs a newer verifier")
    if string(slot, "name") != NAMES[stream][number]:
        raise Wrong(f"slot {number} is `{NAMES[stream][number]}`")
    if is_erased:
        computed, erased = hexadecimal(slot["commitment"], "commitment", 32), slot["erased"]
        if erased is not None:
            check_members(erased, ["at", "by_position"])
            integer(erased, "by_position")
            check_instant(string(erased, "at"))
    else:
        salt, value = hexadecimal(slot["salt"], "salt", 16), string(slot, "value").encode()
        computed = sha(b"audit-slot-v1\0", bytes([number]), salt, value)
    if computed != stated:
        raise Wrong(f"slot {number} does not have the commitment that is in the leaf")
    return is_erased


def check_entry(entry, origin):
    """Verifies the leaf and the slots of an entry, and returns `ok` or `erased`."""
    leaf = hexadecimal(entry["leaf_data"], "leaf_data")
    if len(leaf) < 54 or leaf[:4] != b"AEV1" or leaf[4] not in STREAMS or leaf[53] > 32 or len(leaf) != 54 + 33 * leaf[53]:
        raise Wrong("the leaf data do not have the form of a leaf")
    numbers = list(leaf[54::33])
    channel, _, timestamp, recorded_at = struct.unpack(">qqqq", leaf[21:53])
    if numbers != sorted(set(numbers)) or timestamp not in INSTANTS or recorded_at not in INSTANTS:
        raise Wrong("the slots of the leaf do not ascend, or its instants are not in the years 1 to 9999")
    if sha(b"\0", leaf).hex() != entry["leaf_hash"]:
        raise Wrong("the leaf hash is not that of the leaf data")
    if (channel, STREAMS[leaf[4]]) != log_of(origin)[1:]:
        raise Wrong("the leaf is of another log")
    slots = entry["slots"]
    if type(slots) is not list or len(slots) != len(numbers):
        raise Wrong("the slots are not those of the leaf")
    erased = []
    for at, slot in enumerate(slots):
        erased.append(check_slot(slot, STREAMS[leaf[4]], numbers[at], leaf[55 + 33 * at : 87 + 33 * at]))
    return "erased" if any(erased) else "ok"


class Bundle:
    """One bundle, which is read line by line."""

    def __init__(self, name, first_line, trust):
        try:
            header = parse_json(first_line)
        except Wrong as error:
            raise NotChecked(f"its first line is not that of a bundle: {error}") from None
        if type(header) is not dict or header.get("format") != "audit-bundle/1":
            raise NotChecked("it is not a bundle of the format audit-bundle/1")
        self.is_range, self.name, self.counts = header.get("complete") is True, name, Counter()
        of_kind = ["from", "to", "left"] if self.is_range else []
        check_members(header, ["format", "origin", "vkey", "checkpoint", "complete", *of_kind], ["witnessed"])
        if type(header["complete"]) is not bool:
            raise Wrong("complete is neither true nor false")
        string(header, "vkey")
        self.note = Note(string(header, "checkpoint"))
        if trust.has(self.note.checkpoint()[0]):
            opened = trust.open(self.note)
        else:
            opened = trust.open_in_root_log(self.note, header.get("witnessed"))
        self.origin, self.size, self.root, self.witnesses = opened
        if string(header, "origin") != self.origin:
            raise Wrong("the origin is not that of the checkpoint")
        log_of(self.origin)
        self.next, self.end, self.footer, self.entries = 0, self.size, None, 0
        # The root at the size of a checkpoint that somebody kept, if the lines of a range show it.
        self.roots = {}
        if self.is_range:
            self.next, self.end = integer(header, "from"), integer(header, "to")
            if not self.next <= self.end <= self.size:
                raise Wrong("`from`, `to` and the size of the checkpoint do not ascend")
            self.begin, self.tree = self.next, Tree(self.next, hashes(header, "left"))

    def say(self, verdict, what, reason=""):
        self.counts[verdict] += 1
        print(f"{self.name}: {what} {verdict}{reason and f': {reason}'}")

    def miss(self, end):
        """Counts the positions before this one that have no line."""
        if self.is_range and self.next < end:
            print(f"{self.name}: {self.next} to {end - 1} missing")
            self.counts["missing"] += end - self.next

    def keep_root(self, kept_size):
        if self.tree.size == kept_size:
            self.roots[kept_size] = self.tree.root()

    def lines(self, file, kept_size):
        for number, line in enumerate(iter(lambda: file.readline(LINE_BYTES_MAX + 1), b""), 2):
            try:
                if not line.endswith(b"\n"):
                    raise Wrong("it is too long, or has no line feed")
                if self.footer is not None:
                    raise Wrong("it comes after the last line")
                self.line(parse_json(line[:-1].decode()), kept_size)
            except (Wrong, UnicodeDecodeError) as error:
                self.say("unreadable", f"line {number}", error)

    def line(self, line, kept_size):
        if type(line) is dict and "entries" in line:
            check_members(line, ["entries", *(["right"] if self.is_range else [])])
            integer(line, "entries")
            self.right = hashes(line, "right") if self.is_range else []
            self.footer = line
            return
        check_members(line, ["position", "leaf_hash"], ["leaf_data", "slots", "inclusion"])
        position, leaf_hash = integer(line, "position"), hexadecimal(line["leaf_hash"], "leaf_hash", 32)
        self.entries += 1
        try:
            if not self.next <= position < self.end:
                raise Wrong("the position is not in the range, or not in ascending order")
            if self.is_range:
                self.miss(position)
                self.keep_root(kept_size)
                self.tree.append(0, leaf_hash)
            self.next = position + 1
            check_members(line, ["position", "leaf_hash", "leaf_data", "slots", *([] if self.is_range else ["inclusion"])])
            verdict = check_entry(line, self.origin)
            if not self.is_range and root_of(leaf_hash, position, self.size, hashes(line, "inclusion")) != self.root:
                raise Wrong("it is not in the tree of the checkpoint at this position")
            self.say(verdict, f"{position} {uuid.UUID(line['leaf_data'][10:42])}")
        except (Wrong, UnicodeEncodeError) as error:
            self.say("tampered", position, error)

    def nothing_is_proven(self, reason):
        self.counts["unproven"] += self.counts.pop("ok", 0) + self.counts.pop("erased", 0)
        raise Wrong(f"nothing is proven: {reason}")

    def finish(self, kept_size):
        """What is proven. `Wrong` if something is not."""
        self.miss(self.end)
        if self.is_range and not self.counts["missing"]:
            self.keep_root(kept_size)
            if self.footer is not None:
                if not self.tree.append_right(self.right, self.size) or self.tree.root() != self.root:
                    self.nothing_is_proven("its leaf hashes and frontiers do not make the tree that was signed")
        if self.counts["missing"]:
            self.nothing_is_proven("positions are missing")
        if self.footer is None:
            self.nothing_is_proven("the last line with `entries` is missing, so the bundle was cut")
        if self.footer["entries"] != self.entries:
            raise Wrong(f"the bundle has {self.entries} entries, and its last line says {self.footer['entries']}")
        if self.counts["tampered"] or self.counts["unreadable"]:
            raise Wrong("entries are tampered, or lines cannot be read")
        what = f"all entries from position {self.begin} to before {self.end}" if self.is_range else f"{self.entries} entries"
        seen = f", cosigned by {', '.join(map(ascii, self.witnesses))}" if self.witnesses else ""
        return f"{what} of {ascii(self.origin)[1:-1]}, checkpoint of {self.size} entries{seen}"

    def follows(self, kept, consistency):
        """Compares with a checkpoint that somebody kept."""
        (size, root), own = kept, (self.size, self.root)
        if size in self.roots or size == self.size:
            if root != self.roots.get(size, self.root):
                raise Wrong(f"the log does not begin with the {size} entries of the checkpoint that was kept")
            return
        first, second = sorted([kept, own])
        if consistency is None:
            raise NotChecked(f"comparing with the kept checkpoint needs the consistency proof from {first[0]} to {second[0]}")
        check_members(consistency, ["from", "to", "consistency"])
        if (integer(consistency, "from"), integer(consistency, "to")) != (first[0], second[0]):
            raise NotChecked(f"the consistency proof is not that from {first[0]} to {second[0]}")
        if not is_consistent(first, second, hashes(consistency, "consistency")):
            raise Wrong("the consistency proof does not lead from one checkpoint to the other")


def check_file(name, trust, kept, consistency):
    """Prints what a file proves, and returns its exit code and what was counted."""
    counts = Counter()
    try:
        with (gzip.open if name.endswith(".gz") else open)(name, "rb") as file:
            bundle = Bundle(name, file.readline(LINE_BYTES_MAX).rstrip(b"\n").decode(), trust)
            counts = bundle.counts
            size, root = None, None
            if kept is not None:
                origin, size, root = Note(kept).checkpoint()
                if origin != bundle.origin or not any(Note(kept).is_signed_by(key) for key in trust.logs if key.name == origin):
                    raise NotChecked("the kept checkpoint is not one of this log, or not signed by a key that was given")
            bundle.lines(file, size)
        proven = bundle.finish(size)
        if kept is not None:
            bundle.follows((size, root), consistency)
            proven += f", which begins with the {size} entries of the kept checkpoint" if size <= bundle.size else ""
        print(f"{name}: proven: {proven}")
        return 0, counts
    except Wrong as error:
        print(f"{name}: wrong: {error}")
        return 1, counts
    except (NotChecked, OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        print(f"{name}: not checked: {error}")
        return 2, counts


def read(value):
    with open(value, encoding="utf-8", newline="") as file:
        return file.read()


def main():
    parser = argparse.ArgumentParser(description="Verifies export bundles of the audit log.")
    parser.add_argument("bundles", nargs="+", metavar="BUNDLE")
    trusted = parser.add_mutually_exclusive_group(required=True)
    trusted.add_argument("--vkey", metavar="KEY|FILE", help="verifier keys of logs, one on each line of a file")
    trusted.add_argument("--policy", metavar="FILE", help="a policy of C2SP tlog-policy with keys of Ed25519")
    parser.add_argument("--checkpoint", metavar="FILE", help="a checkpoint of the log that you kept")
    parser.add_argument("--consistency", metavar="FILE", help="the consistency proof between that and the bundle's checkpoint")
    given = parser.parse_args()
    try:
        if given.policy:
            trust = Trust.of_policy(read(given.policy))
        else:
            trust = Trust.of_keys(read(given.vkey) if os.path.exists(given.vkey) else given.vkey)
        kept = read(given.checkpoint) if given.checkpoint else None
        consistency = parse_json(read(given.consistency)) if given.consistency else None
    except (Wrong, NotChecked, OSError, UnicodeDecodeError) as error:
        print(f"not checked: {error}")
        return 2
    codes, counts = set(), Counter()
    for name in given.bundles:
        code, counted = check_file(name, trust, kept, consistency)
        codes.add(code)
        counts += counted
    code = 1 if 1 in codes else max(codes)
    listed = ", ".join(f"{counts[verdict]} {verdict}" for verdict in ("ok", "erased", "tampered", "missing", "unreadable", "unproven"))
    print(f"{['ok', 'wrong', 'not checked'][code]}: {len(given.bundles)} file(s): {listed}")
    return code


if __name__ == "__main__":
    sys.exit(main())
