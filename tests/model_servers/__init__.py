"""Small local servers that speak the vendors' wire formats, so that the real SDKs can be tested without a network.

``server`` is the HTTP side: it sends what it is given in pieces of any length, stalls, cuts the connection, and notices
when the client has gone. ``openai_chat``, ``openai_responses`` and ``anthropic`` write a reply in a vendor's words.
"""
