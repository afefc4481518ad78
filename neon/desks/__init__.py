"""Many desks: each publishes its extensions to an MQTT 5 broker, a hub watches them all (docs/agents.rst).

C{topics} has what is written to the broker, C{link} the connection to it, C{publisher} the desk's side and C{hub} the
other one. Only C{link} knows the MQTT library.
"""
