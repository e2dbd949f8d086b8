"""A poll with answers of all clients, ported from a Socket.IO server."""
