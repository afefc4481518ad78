"""D-Bus, spoken on the reactor with jeepney's bytes in and bytes out: the session's bus and the machine's."""
