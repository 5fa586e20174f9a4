"""What the worker, the command line and a batch run: a request in, a result folder out, one file a job."""
