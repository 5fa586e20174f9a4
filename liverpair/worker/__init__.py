"""The child process that runs long jobs, the protocol it speaks, and the client that drives it."""
