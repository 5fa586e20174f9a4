"""Who made a node: kept in the node's attributes `LiverPair.*`, which scenes save and load."""

from collections.abc import Mapping

PREFIX = "LiverPair."


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


def _names(node) -> list[str]:
    return [name for name in (node.GetAttributeNames() or ()) if name.startswith(PREFIX)]
