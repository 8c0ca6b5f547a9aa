"""Signs a bundle with a key of its own, as somebody could who holds the key of a log.

    python3 resign.py BUNDLE ORIGIN [SIZE ROOT]

Writes `resigned.bundle`: the bundle as one of the log ORIGIN. Prints the verifier key. With SIZE and ROOT, also writes
`resigned.checkpoint`: a checkpoint of the same log with that size and root, the root in hex.
"""

import base64
import json
import sys

from aics_tlog import Checkpoint, format_vkey, sign_checkpoint, vkey_from_ed25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

file, origin, *other = sys.argv[1:]
key = Ed25519PrivateKey.generate()
with open(file, encoding="utf-8", newline="") as bundle:
    lines = bundle.read().split("\n")
header = json.loads(lines[0])
_, size, root = header["checkpoint"].split("\n")[:3]
header["origin"] = origin


def sign(size, root):
    return sign_checkpoint(Checkpoint(origin, size, root), key, origin).serialise()


header["checkpoint"] = sign(int(size), base64.b64decode(root))
lines[0] = json.dumps(header)
with open("resigned.bundle", "w", encoding="utf-8", newline="") as bundle:
    bundle.write("\n".join(lines))
if other:
    with open("resigned.checkpoint", "w", encoding="utf-8", newline="") as note:
        note.write(sign(int(other[0]), bytes.fromhex(other[1])))
print(format_vkey(vkey_from_ed25519(origin, key.public_key())))
