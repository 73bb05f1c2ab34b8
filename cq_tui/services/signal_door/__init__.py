"""``POST /signal`` on loopback, off unless started: it puts each signal into a file, like anybody else."""
