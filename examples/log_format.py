"""The evidence of the audit log: documents, keys, signed notes, policies and trees, from docs/log-format.md alone.

For verify_bundle.py. `Wrong` is raised where something is not what was signed, `NotChecked` where that cannot be said.
"""

import base64
import binascii
import hashlib
import json
import re
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

STREAMS = {1: "events", 2: "action-logs"}


class Wrong(Exception):
    """It is not what was signed."""


class NotChecked(Exception):
    """It cannot be said whether it is."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical_base64(text):
    raw = base64.b64decode(text, validate=True)
    if base64.b64encode(raw).decode() != text:
        raise ValueError("it is not base64 in canonical form")
    return raw


# ---- JSON documents ---------------------------------------------------------------------------------------------------


def parse_json(text):
    """One JSON value, whose objects have each member once. The format has no fractions."""

    def once(pairs):
        if len({name for name, _ in pairs}) != len(pairs):
            raise ValueError("a member is given twice")
        return dict(pairs)

    def refuse(number):
        raise ValueError(f"{number} is not an integer")

    try:
        return json.loads(text, object_pairs_hook=once, parse_float=refuse, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"it cannot be read: {error}") from None


def check_members(value, required, optional=()):
    if type(value) is not dict:
        raise Wrong("it is not a JSON object")
    for name in value.keys() - {*required, *optional}:
        raise Wrong(f"the member {ascii(name)} is not known")
    for name in required:
        if name not in value:
            raise Wrong(f"the member {name} is missing")


def integer(value, name):
    number = value[name]
    if type(number) is not int or not 0 <= number < 1 << 64:
        raise Wrong(f"{name} is not an integer from 0 to 2^64 - 1")
    return number


def string(value, name):
    if type(value[name]) is not str:
        raise Wrong(f"{name} is not a string")
    return value[name]


def hexadecimal(text, name, length=None):
    if type(text) is not str or not re.fullmatch(r"([0-9a-f]{2})*", text) or len(text) != (2 * length if length else len(text)):
        raise Wrong(f"{name} is not hex in lower case of the right length")
    return bytes.fromhex(text)


def hashes(value, name):
    if type(value[name]) is not list:
        raise Wrong(f"{name} is not an array")
    return [hexadecimal(text, name, 32) for text in value[name]]


# ---- Keys, notes and policies -----------------------------------------------------------------------------------------


class Key:
    """A verifier key: of a log (kind 1), or of a witness (kind 4)."""

    def __init__(self, text, kind):
        try:
            self.name, key_id, encoded = text.split("+", 2)
            raw = canonical_base64(encoded)
            self.public = Ed25519PublicKey.from_public_bytes(raw[1:])
        except (ValueError, binascii.Error) as error:
            raise NotChecked(f"{ascii(text)} is not a verifier key of Ed25519: {error}") from None
        self.id, self.kind, self.bytes = sha(self.name.encode(), b"\n", raw)[:4], raw[0], raw[1:]
        if self.kind != kind or self.id.hex() != key_id or not self.name:
            raise NotChecked(f"{ascii(text)} is not the verifier key of a {'log' if kind == 1 else 'witness'}")


class Note:
    """A text and its signatures. Those of unknown keys are ignored."""

    def __init__(self, note):
        text, separator, lines = note.rpartition("\n\n")
        if not separator or not text or not lines.endswith("\n") or any(c < " " and c != "\n" for c in note):
            raise Wrong("the checkpoint is not a signed note")
        self.text, self.signatures = text + "\n", []
        for line in lines[:-1].split("\n"):
            dash, name, encoded = (line.split(" ", 2) + ["", ""])[:3]
            try:
                raw = canonical_base64(encoded)
            except (ValueError, binascii.Error):
                raw = b""
            if dash != "\u2014" or not name or "+" in name or any(c.isspace() for c in name) or len(raw) < 5:
                raise Wrong("a line below the checkpoint is not a signature")
            self.signatures.append((name, raw[:4], raw[4:]))

    def is_signed_by(self, key):
        """Whether the key signed it. A wrong signature of the key is not the same as none."""
        found = [raw for name, key_id, raw in self.signatures if (name, key_id) == (key.name, key.id)]
        for raw in found:
            text = self.text.encode()
            if key.kind == 4:
                if len(raw) != 72:
                    raise Wrong(f"the cosignature of {key.name} is not one")
                raw, text = raw[8:], b"cosignature/v1\ntime %d\n" % struct.unpack(">Q", raw[:8]) + text
            try:
                key.public.verify(raw, text)
            except InvalidSignature:
                raise Wrong(f"the signature of {key.name} is not one of this text") from None
        return bool(found)

    def checkpoint(self):
        """The origin, the size and the root."""
        lines = self.text.split("\n")
        try:
            origin, size, root = lines[0], lines[1], canonical_base64(lines[2])
        except (IndexError, ValueError, binascii.Error):
            raise Wrong("the text of the note is not a checkpoint") from None
        if not origin or not re.fullmatch(r"0|[1-9][0-9]{0,19}", size, re.ASCII) or int(size) >= 1 << 64 or len(root) != 32:
            raise Wrong("the text of the note is not a checkpoint")
        return origin, int(size), root


class Trust:
    """The keys of logs and witnesses, and how many witnesses have to have seen a checkpoint."""

    def __init__(self):
        self.logs, self.members, self.quorum = [], {}, None

    @classmethod
    def of_keys(cls, text):
        trust = cls()
        trust.logs = [Key(line.strip(), 1) for line in text.split("\n") if line.strip()]
        return trust

    @classmethod
    def of_policy(cls, text):
        trust, grouped, quorums = cls(), set(), []
        for line in text.split("\n"):
            items = line.replace("\t", " ").split(" ")
            kind, *items = [item for item in items if item] or ["#"]
            if kind == "log" and len(items) in (1, 2):
                trust.logs.append(Key(items[0], 1))
            elif kind == "witness" and len(items) in (2, 3) and items[0] not in {"none", *trust.members}:
                trust.members[items[0]] = Key(items[1], 4)
            elif kind == "group" and len(items) >= 3 and items[0] not in {"none", *trust.members}:
                name, least, *of = items
                least = {"all": str(len(of)), "any": "1"}.get(least, least)
                is_defined = set(of) <= trust.members.keys() - grouped and len(set(of)) == len(of)
                if not is_defined or least not in map(str, range(1, len(of) + 1)):
                    raise NotChecked(f"this group of the policy is wrong: {ascii(line)}")
                grouped.update(of)
                trust.members[name] = (int(least), of)
            elif kind == "quorum" and len(items) == 1 and items[0] in {"none", *trust.members}:
                quorums.append(None if items[0] == "none" else items[0])
            elif not kind.startswith("#"):
                raise NotChecked(f"this line of the policy is wrong: {ascii(line)}")
        witnesses = [member.bytes for member in trust.members.values() if isinstance(member, Key)]
        for keys in (witnesses, [key.bytes for key in trust.logs]):
            if len(quorums) != 1 or len(set(keys)) != len(keys):
                raise NotChecked("a policy has one line `quorum`, and each key once")
        trust.quorum = quorums[0]
        return trust

    def has(self, origin):
        return any(key.name == origin for key in self.logs)

    def open(self, note):
        """The origin, size and root of a checkpoint that its log signed, and the witnesses that cosigned it."""
        origin, size, root = note.checkpoint()
        if not self.has(origin):
            raise NotChecked(f"the key of the log {ascii(origin)} is not given")
        signed = [note.is_signed_by(key) for key in self.logs if key.name == origin]
        if not any(signed):
            raise Wrong(f"no key of the log {ascii(origin)} signed the checkpoint")
        seen = {}
        for name, member in self.members.items():
            if isinstance(member, Key):
                seen[name] = note.is_signed_by(member)
            else:
                seen[name] = sum(seen[other] for other in member[1]) >= member[0]
        if self.quorum is not None and not seen[self.quorum]:
            raise Wrong(f"the quorum {self.quorum} of witnesses is not met")
        witnesses = [name for name, member in self.members.items() if isinstance(member, Key) and seen[name]]
        return origin, size, root, witnesses

    def open_in_root_log(self, note, witnessed):
        """The same of a checkpoint whose text is in the root log of its database."""
        origin, size, root = note.checkpoint()
        root_origin = f"{log_of(origin)[0]}/root"
        if witnessed is None or not self.has(root_origin):
            raise NotChecked(f"neither the key of {ascii(origin)} is given nor that of its root log")
        check_members(witnessed, ["origin", "checkpoint", "index", "inclusion"])
        stated, root_size, root_hash, witnesses = self.open(Note(string(witnessed, "checkpoint")))
        if {stated, string(witnessed, "origin")} != {root_origin}:
            raise Wrong(f"the checkpoint in `witnessed` is not one of {ascii(root_origin)}")
        leaf, path = sha(b"\0", note.text.encode()), hashes(witnessed, "inclusion")
        if root_of(leaf, integer(witnessed, "index"), root_size, path) != root_hash:
            raise Wrong("the checkpoint is not in the root log")
        return origin, size, root, witnesses


def log_of(origin):
    """The log name, the channel and the stream of an origin."""
    name, channel, stream = (origin.rsplit("/", 2) + ["", ""])[:3]
    if not name or not re.fullmatch(r"0|-?[1-9][0-9]*", channel, re.ASCII) or stream not in STREAMS.values():
        raise Wrong(f"the origin {ascii(origin)} is not that of a log of a channel")
    return name, int(channel), stream


# ---- Trees ------------------------------------------------------------------------------------------------------------


def root_of(leaf, index, size, path):
    """The root to which an inclusion proof leads (RFC 9162, 2.1.3.2); `None` if it has another length."""
    if index >= size:
        return None
    node, last, path = index, size - 1, list(path)
    while last > 0:
        if node % 2 == 1 or node < last:
            if not path:
                return None
            sibling = path.pop(0)
            leaf = sha(b"\1", sibling, leaf) if node % 2 == 1 else sha(b"\1", leaf, sibling)
        node, last = node // 2, last // 2
    return None if path else leaf


def is_consistent(first, second, path):
    """Whether a consistency proof leads from one tree to a larger one, each a size and a root (RFC 9162, 2.1.4.2)."""
    (from_size, from_root), (to_size, to_root) = first, second
    if from_size == 0 or from_size == to_size:
        return not path and (from_root == sha() if from_size == 0 else from_root == to_root)
    path = list(path) if from_size & (from_size - 1) else [from_root, *path]
    if not path or from_size > to_size:
        return False
    node, last = from_size - 1, to_size - 1
    while node % 2 == 1:
        node, last = node // 2, last // 2
    old = new = path.pop(0)
    for sibling in path:
        if last == 0:
            return False
        if node % 2 == 1 or node == last:
            old, new = sha(b"\1", sibling, old), sha(b"\1", sibling, new)
            while node % 2 == 0 and node != 0:
                node, last = node // 2, last // 2
        else:
            new = sha(b"\1", new, sibling)
        node, last = node // 2, last // 2
    return (old, new, last) == (from_root, to_root, 0)


class Tree:
    """The largest complete subtrees of a growing tree, largest first."""

    def __init__(self, size, left):
        heights = [height for height in reversed(range(64)) if size >> height & 1]
        if len(left) != len(heights):
            raise Wrong("the left frontier has another number of hashes than `from` needs")
        self.size, self.subtrees = size, list(zip(heights, left))

    def append(self, height, added):
        self.size += 1 << height
        while self.subtrees and self.subtrees[-1][0] == height:
            height, added = height + 1, sha(b"\1", self.subtrees.pop()[1], added)
        self.subtrees.append((height, added))

    def append_right(self, right, size):
        """Appends the subtrees up to a size. Returns whether they are as many as that needs."""
        for added in right:
            if self.size >= size:
                return False
            height = (size - self.size).bit_length() - 1
            while self.size % (1 << height):
                height -= 1
            self.append(height, added)
        return self.size == size

    def root(self):
        found = [added for _, added in self.subtrees]
        root = found.pop() if found else sha()
        while found:
            root = sha(b"\1", found.pop(), root)
        return root
