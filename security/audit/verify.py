"""Checks an audit export of one organization with none of Ringfence's own code: python3 verify.py EXPORT [VERIFIER_KEY]

Give the verifier key that you noted when the log was new; without it, the one in the export has to be believed. Only the
signature needs a package (pip install cryptography). It shows that each entry is in the signed log as it stands here, not
that none was left out. Exit code 0: good, 1: not good. Trees: RFC 6962. Signed notes: https://c2sp.org/tlog-checkpoint"""
import base64, hashlib, hmac, json, sys

def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()

def root_from(computed, index, size, proof):
    """The root that an inclusion proof leads to (RFC 9162 section 2.1.3.2)."""
    last = size - 1
    for sibling in proof:
        if index % 2 == 1 or index == last:
            computed = sha256(b"\1", sibling, computed)
            while index % 2 == 0 and index:
                index, last = index >> 1, last >> 1
        else:
            computed = sha256(b"\1", computed, sibling)
        index, last = index >> 1, last >> 1
    return computed if last == 0 else None

def signed_tree(note, key):
    """The size and root that the note was signed for."""
    name, key_id, public_key = key.strip().split("+", 2)
    text, signatures = note.rsplit("\n\n", 1)
    text, public_key = text + "\n", base64.b64decode(public_key)
    assert key_id == sha256(name.encode(), b"\n", public_key)[:4].hex(), "this is no verifier key"
    lines = [line.split(" ") for line in signatures.splitlines()]
    found = [base64.b64decode(line[2]) for line in lines if line[1] == name]
    signature = next((bytes[4:] for bytes in found if bytes[:4].hex() == key_id), None)
    assert signature and text.startswith(name + "\n"), "the checkpoint is not signed by this key"
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        Ed25519PublicKey.from_public_bytes(public_key[1:]).verify(signature, text.encode())
    except ImportError:
        print("warning: the signature was NOT checked, because the package cryptography is not installed")
    return int(text.splitlines()[1]), base64.b64decode(text.splitlines()[2])

def verify(lines, key):
    header, count, previous = json.loads(next(lines)), 0, -1
    size, root = signed_tree(header["checkpoint"], key or header["verifier_key"])
    for entry in map(json.loads, lines):
        record, index, personal = json.loads(entry["record"]), entry["index"], entry["personal"]
        assert previous < index < size and record["index"] == index, f"entry {index} is out of place"
        assert record["organization"] == header["organization"], f"entry {index} is another organization's"
        leaf = sha256(b"\0", entry["record"].encode())
        assert root_from(leaf, index, size, map(base64.b64decode, entry["proof"])) == root, f"entry {index} was changed"
        made = personal and hmac.new(bytes.fromhex(personal["salt"]), personal["values"].encode(), "sha256").hexdigest()
        assert made in (None, record["commitment"]), f"the personal values of entry {index} were changed"
        count, previous = count + 1, index
    return f"good: {count} entries are in the log of {size} entries"

try:
    print(verify(open(sys.argv[1], encoding="utf-8"), sys.argv[2] if len(sys.argv) > 2 else None))
except Exception as error:
    sys.exit(f"NOT good: {type(error).__name__}: {error}")
