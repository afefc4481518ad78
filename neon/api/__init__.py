"""Skins over the one command table: decode, execute, encode. They know nothing of SIP."""
