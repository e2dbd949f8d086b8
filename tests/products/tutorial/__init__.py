"""The chat of Socket.IO's "get started" tutorial, as a product."""
