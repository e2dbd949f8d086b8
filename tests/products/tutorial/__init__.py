"""Socket.IO's "get started" chat as a product."""
