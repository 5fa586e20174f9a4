"""`python -m liverpair.worker`: the worker process. `--jobs package.module` replaces the jobs it can run."""

import argparse
import importlib

from liverpair.worker.child import serve


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="liverpair.worker", description="Run LiverPair's jobs for the process that started this one."
    )
    parser.add_argument("--jobs", default="liverpair.jobs.jobs", help=argparse.SUPPRESS)
    serve(importlib.import_module(parser.parse_args().jobs).JOBS)


if __name__ == "__main__":
    main()
