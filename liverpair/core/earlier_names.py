"""Names that earlier versions used in what they wrote: read as the names of today."""

from collections.abc import Mapping
from typing import Any


def renamed(content: Any, names: Mapping[str, str]) -> Any:
    """`content` of a JSON file or a request, its keys under the names of today.

    `names` maps those of earlier versions to those of today, at every depth of dictionaries in dictionaries. Where both
    are there, both stay.
    """
    if not isinstance(content, Mapping):
        return content
    today = {key: names.get(key, key) for key in content}
    return {key if today[key] in content else today[key]: renamed(value, names) for key, value in content.items()}
