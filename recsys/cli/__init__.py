"""The command line: one file a command, the same path as the app, progress on stderr, results on stdout."""
