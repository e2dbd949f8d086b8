"""What every function stands on, in wings. A wing imports only from the wings below it.

``pipeline``  what happens around a handler: products, dispatch, joining and leaving, HTTP routes
``calling``   what the products with calls share: the ring's contract, the records of ended calls
``identity``  who a client is: tokens, keys, cookies, accounts, the client's address
``realtime``  Socket.IO's server side in DynamoDB: connections, people, rooms, sending
``aws``       clients, tables, queues, streams, ``@connections``, logs, metrics
``protocol``  Engine.IO, Socket.IO and native frames: pure, no I/O

The modules beside the wings (``settings``, ``ports``, ``errors``, ``ids``, ``times``,
``wrong_values``) are below all of them, except that ``protocol`` imports none of ours.
"""
