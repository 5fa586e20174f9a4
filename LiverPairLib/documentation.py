"""Where the modules are documented."""

from slicer.i18n import tr as _

DOCS = "https://github.com/liverpair/SlicerLiverPair/blob/main/docs"


def documentation(module: str) -> str:
    """What the help of a module says at its end, with links to its tutorial, its own part of the page and to that for
    scripts."""
    return _(
        '<p>The <a href="{docs}/tutorial/{module}.md">tutorial</a> goes click by click; all the rest is in the '
        '<a href="{docs}/using.md#{module}">documentation of this module</a>. The page '
        '<a href="{docs}/scripting.md">scripting</a> shows how to use it from Python.</p>'
    ).format(docs=DOCS, module=module)
