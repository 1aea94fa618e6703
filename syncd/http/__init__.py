"""Asking servers: one session for every adapter, secrets by reference, when to ask again, and why no answer came.

connection  how a server is reached             session   one server, asked          answer   what it answered
secrets     where secrets are, and blots        backoff   when it is asked again     reasons  why no answer came
rests       how long it wants to be left alone  metered   deadlines and bounds       transport  the way of a request
"""
