"""Makes a root log with aics-tlog, whose entries are texts of checkpoints, and signs its checkpoint with a key of its own.

    python3 root_log.py CHECKPOINT ROOT_ORIGIN

Prints a JSON object: the verifier key of the root log, and the member `witnessed` of a proof of the given checkpoint.
"""

import json
import sys

from aics_tlog import Checkpoint, MerkleTree, format_vkey, sign_checkpoint, vkey_from_ed25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

file, origin = sys.argv[1:]
with open(file, encoding="utf-8", newline="") as note:
    text = note.read().rpartition("\n\n")[0] + "\n"
tree = MerkleTree([f"other/{n}/events\n{n}\n{'A' * 43}=\n".encode() for n in range(5)] + [text.encode()])
key = Ed25519PrivateKey.generate()
signed = sign_checkpoint(Checkpoint(origin, 6, tree.root()), key, origin)
inclusion = [node.hex() for node in tree.inclusion_proof(5)]
witnessed = {"origin": origin, "checkpoint": signed.serialise(), "index": 5, "inclusion": inclusion}
print(json.dumps({"vkey": format_vkey(vkey_from_ed25519(origin, key.public_key())), "witnessed": witnessed}))
