"""AWS services as the functions use them.

``clients``       one client per service and process
``tables``        the base of the DynamoDB models, and transactions
``streams``       records of the tables' streams, each applied once
``bus_events``    what the stack puts on its EventBridge bus
``gateway``       API Gateway's ``@connections``
``mailboxes``     what waits for clients that poll
``transports``    sends frames to WebSockets or into mailboxes
``http_connection``  one HTTP connection
``http_pool``     the HTTP connections that requests are sent over
``http_session``  how the SDK's clients send over them
``signing``       the signature of requests that are made without the SDK's client
``bulk_queries``  queries that read many rows
``numbers``       rows of numbers in the counts table
``queues``        postponing messages of SQS, and how many wait
``mobile_push``   Amazon SNS mobile push
``adapters``      the ports of ``shared/ports.py`` on AWS
``tasks``         work that is handed to other functions
``secret``        the stack's secret
``event_order``   which of several reports is the newest, and which have been handled
``lambda_entry``  decorators for every Lambda handler
``garbage``       Python's garbage collector, which rests until the first event
``log``           structured logs with correlation ids
``metrics``       numbers, written as lines of the log
``traces``        subsegments of X-Ray for posts
``parallel``      several requests at the same time
``retry``         pauses before another attempt
"""
