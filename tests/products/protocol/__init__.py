"""A product that does what the servers of Socket.IO's own test suite do."""
