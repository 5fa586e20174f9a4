"""Who made a node: kept in the node's attributes `LiverPair.*`, which scenes save and load."""

from collections.abc import Mapping

PREFIX = "LiverPair."
TITLES = {
    "bundle": "Model",
    "version": "Version",
    "sha256": "Checksum (SHA-256)",
    "engine": "Engine",
    "device": "Device",
    "precision": "Precision",
    "seconds": "Seconds",
    "software": "Software",
    "date": "Date",
    "accepted": "Run in spite of",
}
"""What users read first, and how it is called."""


def write(node, provenance: Mapping[str, object]) -> None:
    """Keep `provenance` on a node, or on what else has a node's attributes, in place of what was there.

    The key "bundle" becomes the attribute `LiverPair.Bundle`; values that are None are left out.
    """
    for name in _names(node):
        node.RemoveAttribute(name)
    for key, value in provenance.items():
        if value is not None:
            node.SetAttribute(f"{PREFIX}{key[:1].upper()}{key[1:]}", str(value))


def read(node) -> dict[str, str]:
    """The provenance kept on a node, with the keys it was written with; empty when LiverPair did not make the node."""
    found = {}
    for name in _names(node):
        key = name.removeprefix(PREFIX)
        found[key[:1].lower() + key[1:]] = node.GetAttribute(name)
    return found


def lines(provenance: Mapping[str, object]) -> list[str]:
    """A provenance as a user reads it, a line each: what has a title first, then all else that is known."""
    known = {key: value for key, value in provenance.items() if value not in (None, "")}
    keys = [key for key in TITLES if key in known] + [key for key in known if key not in TITLES]
    return [f"{TITLES.get(key, key.replace('_', ' ').capitalize())}: {known[key]}" for key in keys]


def _names(node) -> list[str]:
    return [name for name in (node.GetAttributeNames() or ()) if name.startswith(PREFIX)]
