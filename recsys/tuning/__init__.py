"""What generator settings do: sweeps over them on validation users, and the search for the best."""
