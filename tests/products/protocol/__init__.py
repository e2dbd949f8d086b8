"""A product that answers like the servers of Socket.IO's own test suite."""
