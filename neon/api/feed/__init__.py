"""The supervisor and agent feed (spec section 5): every extension over a WebSocket, and the three actions of agents.

C{wire} has the spellings, C{connection} the conversation of one client, C{server} the two listening sites,
C{members} who may log in, C{actions} what agents may do.
"""
