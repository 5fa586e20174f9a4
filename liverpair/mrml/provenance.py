"""Who made a node: kept in the node's attributes `LiverPair.*`, which scenes save and load."""

from collections.abc import Mapping

PREFIX = "LiverPair."


def write(node, provenance: Mapping[str, object]) -> None:
    """Keep `provenance` on a node in place of what was there: "bundle" becomes the attribute `LiverPair.Bundle`; None is left out."""
    for name in list(node.GetAttributeNames() or ()):
        if name.startswith(PREFIX):
            node.RemoveAttribute(name)
    for key, value in provenance.items():
        if value is not None:
            node.SetAttribute(f"{PREFIX}{key[:1].upper()}{key[1:]}", str(value))


def read(node) -> dict[str, str]:
    """The provenance kept on a node, its keys in lower case as the worker names them; empty when LiverPair did not make it."""
    names = [name for name in (node.GetAttributeNames() or ()) if name.startswith(PREFIX)]
    return {
        key[:1].lower() + key[1:]: node.GetAttribute(PREFIX + key) for key in (name[len(PREFIX) :] for name in names)
    }
