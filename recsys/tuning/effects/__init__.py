"""What generator settings do to the shipped models: each question measured, and answered by its own figures."""
