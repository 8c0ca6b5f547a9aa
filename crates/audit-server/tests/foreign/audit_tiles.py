"""Reads all tiles and all entries below a prefix with aics-tlog, and compares the entries with a bundle of the same log.

    python3 audit_tiles.py PREFIX VKEY_FILE WHOLE_BUNDLE
"""

import json
import sys

from aics_tlog import verify_checkpoint
from aics_tlog.note import parse_note, read_vkey_file
from aics_tlog.remote import HttpTileReader, tile_source_url
from aics_tlog.verified import VerifiedTileReader, audit_tiles

prefix, vkey_file, bundle = sys.argv[1:]
reader = HttpTileReader(tile_source_url(prefix))
with open(vkey_file, encoding="utf-8") as file:
    key = read_vkey_file(file.read())
checkpoint = verify_checkpoint(parse_note(reader.read_checkpoint()), key)
assert checkpoint.ok, checkpoint.error
report = audit_tiles(reader, checkpoint.size, checkpoint.root)
with open(bundle, encoding="utf-8") as file:
    leaves = [bytes.fromhex(json.loads(line)["leaf_data"]) for line in list(file)[1:-1]]
verified = VerifiedTileReader(reader, checkpoint.size, checkpoint.root)
assert leaves == [verified.entry(index) for index in range(checkpoint.size)]
print(f"{report.size} entries, {report.tiles} tiles, {report.bundles} tiles of entries")
