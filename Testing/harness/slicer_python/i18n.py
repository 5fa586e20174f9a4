"""`slicer.i18n`: the harness speaks the language of the source code, unless a test chooses another."""

from collections.abc import Callable

_translation: Callable[[str], str] | None = None


def set_translation(function: Callable[[str], str] | None) -> None:
    """Translate what modules and `.ui` files say from now on with a function; None takes it as it is written."""
    global _translation
    _translation = function


def translate(context: str, text: str) -> str:
    """The text in the chosen language."""
    return tr(text)


def tr(text: str) -> str:
    """The text in the chosen language."""
    return _translation(text) if _translation is not None and text else text
