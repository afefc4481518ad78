"""The embedded SIP service for a first run without a provider."""
