"""Trainings that only the published experiments use."""

COMMANDS = {
    "similarity": "reproduction.training.similarity_command",
    "adversarial-livers": "reproduction.training.adversarial_command",
}
"""Name of each task and the module whose `main(arguments)` trains it."""
