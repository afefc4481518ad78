"""SIP on the Twisted reactor; the only package that imports sippy."""
