"""`python -m liverpair`: see `liverpair.cli`."""

import sys

from liverpair.cli import main

if __name__ == "__main__":
    sys.exit(main())
