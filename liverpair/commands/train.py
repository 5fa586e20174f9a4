"""`train`: its options belong to `liverpair.training`."""

HELP = ("-h", "--help")


def run_train(words: list[str]) -> int:
    """`train TASK …`: everything after the task goes to Lightning's command line of that task."""
    from liverpair import training

    if not words or words[0] in HELP:
        print("usage: python -m liverpair train TASK --config FILE [options]\n")
        print(f"TASK is one of: {', '.join(training.TASKS)}. 'train TASK --help' lists the options.")
        return 0 if words else 2
    training.main(words[0], words[1:])
    return 0
