"""Training in several processes. `mpi.run` starts a script as several ranks on this machine."""
