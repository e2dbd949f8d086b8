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
``ring``         the state machines of the timers of calls
``gateway``      API Gateway: connections, frames, HTTP requests
``clients``      the apps of people, at the level of frames
``polling``      apps that poll, and stay so or upgrade
``recovering``   apps that ask for recovery, and come back whenever their connection is lost
``screens``      what an app shows, from the events that it received
``world``        all of this together, with a clock and an agenda
``truth``        what the tables say
``judge``        the list of invariants, which are in ``invariants``, ``call_screens``,
                 ``other_screens`` and ``published``
``stage``        what scenarios are made of; they are in ``calls``, ``chat`` and ``bookings``
``scenarios``    all of them
``runner``       an engine, and worlds that can be taken back
``enumeration``  every fault at every request of a scenario
``races``        two events at once, and frames out of order; ``acts`` is what they are made of
``reports``      reports of a backend in every order
``concurrent``   the same world on real threads, in which everything runs at once
``bursts``       what people do at once on it
``visits``       scenarios of the branches that no event's scenario reaches
``call_sites``   the places in the code that touch AWS
``noting``       which lines of them run
``branches``     whether every one of them is run, and every right is used
``polls``        scenarios of apps that poll
``shift``        hours of calls, blips and cuts that nobody should notice
``histories``    seeded random histories
``inputs``       anything that a client may send; ``fuzzing`` sends it
``described``    whether the OpenAPI document describes a request and how it was answered
``report``       the table of outcomes
"""
