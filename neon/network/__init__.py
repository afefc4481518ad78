"""What the machine tells about its network: addresses and routes that change, sleep and waking up."""
