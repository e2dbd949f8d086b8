"""Pushes to the phones of people who have no connection, through Amazon SNS.

``product``   the declaration of the product: its table, its function, its rights
``devices``   the devices that people have registered, and what has been pushed to them
``routes``    the HTTP routes with which people register their devices
``payloads``  what each platform receives
``main``      the Lambda function that pushes

Products decide what is pushed, with ``ports.Tasks.push``.
"""
