"""What a notebook's kernel does for conversations: its functions are their tools, and their engine.

The run, its log and its times are the server's. The server's end of the line is in ``webchat_nb_server``; what is said on it
stands in ``messages``.

Rule: TL6, EN9.
"""
