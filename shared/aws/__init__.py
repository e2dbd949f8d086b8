"""AWS services as the functions use them.

``clients``       one client per service and process
``tables``        what the DynamoDB models have in common; ``streams`` the records of their streams
``gateway``       API Gateway's ``@connections``, over ``http_pool``
``queues``        putting off messages of SQS
``adapters``      the ports of ``shared/ports.py`` on AWS
``event_order``   which of several reports is the newest
``lambda_entry``  what is around every Lambda handler
``log``           structured logs with correlation ids; ``metrics`` numbers in the log
``parallel``      several requests at once; ``retry`` pauses before trying again
"""
