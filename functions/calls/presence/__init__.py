"""Announces to users which telecallers are online, and counts for admins who is online.

``stream``    the Lambda function that follows the streams of the tables
``changes``   pure functions: what a change of a row means
``counts``    the numbers that admins see
``numbers``   the part of the admins' statistics over HTTP
``repair``    corrects the numbers when they have drifted
``handlers``  the events that admins send
``events``    the events that clients receive
"""
