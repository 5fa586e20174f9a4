"""`slicer.i18n`: the harness speaks the language of the source code."""


def translate(context: str, text: str) -> str:
    """The text itself."""
    return text


def tr(text: str) -> str:
    """The text itself."""
    return text
