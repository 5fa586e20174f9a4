"""The commands of the command line, one topic per file. None imports torch before it has work to do."""
