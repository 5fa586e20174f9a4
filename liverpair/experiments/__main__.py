"""`python -m liverpair.experiments NAME [options]`."""

import sys
from importlib import import_module

from liverpair.errors import LiverPairError
from liverpair.experiments import EXPERIMENTS


def main(words: list[str]) -> int:
    """Run the experiment that the first word names. Returns the exit code."""
    if not words or words[0] not in EXPERIMENTS:
        print(f"usage: python -m liverpair.experiments NAME [options]\n\nNAME is one of: {', '.join(EXPERIMENTS)}.")
        return 0 if words in (["-h"], ["--help"]) else 2
    try:
        import_module(EXPERIMENTS[words[0]]).main(words[1:])
    except LiverPairError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
