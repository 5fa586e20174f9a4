"""A trained model as a folder: manifest, weights and checksum; and the catalogue of such folders.

Nothing here imports torch until weights are asked for, so a model can be listed, read about, imported and deleted
without it.
"""

from liverpair.bundle.bundle import Bundle
from liverpair.bundle.catalogue import Catalogue
from liverpair.bundle.manifest import MANIFEST_FILE, SCHEMA_VERSION, WEIGHTS_FILE

__all__ = ["MANIFEST_FILE", "SCHEMA_VERSION", "WEIGHTS_FILE", "Bundle", "Catalogue"]
