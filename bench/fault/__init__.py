"""What goes wrong around a phone, done to it on purpose: one module for each fault of C{bench/faults.py}."""
