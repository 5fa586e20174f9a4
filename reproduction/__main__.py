"""`python -m reproduction NAME [options]`."""

import sys
from importlib import import_module

from liverpair.commands.any_text import print_any_text
from liverpair.core.errors import Cancelled
from liverpair.core.failures import failure_on_command_line
from reproduction import EXPERIMENTS
from reproduction.training import TASKS

DEBUG = "--debug"


def main(words: list[str]) -> int:
    """Run the experiment that the first word names.

    Returns the exit code: 0 done, 1 an error said in one sentence, 2 no such experiment, 130 stopped by Ctrl-C. A stack
    trace only with `--debug`.
    """
    print_any_text()
    training = words[:1] == ["train"]
    if training:
        words = words[1:]
    table = TASKS if training else EXPERIMENTS
    if not words or words[0] not in table:
        print(f"usage: python -m reproduction NAME [options]\n\nNAME is one of: {', '.join(EXPERIMENTS)}.")
        print(f"\nNAME --help lists its options. 'train TASK' trains one of: {', '.join(TASKS)}.")
        return 0 if words in (["-h"], ["--help"]) else 2
    try:
        run = TASKS[words[0]].train if training else import_module(EXPERIMENTS[words[0]]).main
        run([word for word in words[1:] if word != DEBUG])
    except (KeyboardInterrupt, Cancelled):
        print("Stopped. The same command goes on from here.", file=sys.stderr)
        return 130
    except Exception as error:
        if DEBUG in words:
            raise
        print(f"Error: {failure_on_command_line(error)}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
