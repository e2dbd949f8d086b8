"""A deterministic simulator of the whole backend: every function's real entry, in one process.

``python -m tests.simulation --help`` runs it. The DynamoDB engine is real; everything else of AWS,
and the time, is simulated, so that a process can die, an answer be lost and two events meet at
every request that a function makes.

``engine``       DynamoDB: requests to a real engine, and what the tables hold
``patches``      where the backend meets the simulation: time, randomness, SDK, ``@connections``
``invocation``   one invocation of a function: its requests, numbered, and the fault that hits it
``faults``       the kinds of faults
``access``       which requests a function's role allows
``services``     SDK requests other than DynamoDB's
``lambdas``      asynchronous invocations, schedules and dead letters
``queues``       SQS
``streams``      streams of tables
``ring``         the ring timer's state machine
``gateway``      API Gateway: connections, frames, HTTP requests
``clients``      the apps of people, at the level of frames
``screens``      what an app shows, from the events that it received
``world``        all of this together, with a clock and an agenda
``judge``        the invariants
``scenarios``    an event or a background function at work, with its people
``races``        two scenarios' events at once, and frames out of order
``enumeration``  every fault at every request of a scenario
``histories``    seeded random histories
``known``        what is known to fail
"""
