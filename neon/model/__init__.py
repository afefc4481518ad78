"""What decides: inputs in, actions out. No sockets, clocks, threads or Twisted."""
