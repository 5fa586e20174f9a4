"""What this installation can do on this machine, found out by trying: `python -m liverpair doctor`."""
