"""How a request leaves the machine: a synchronous and an asynchronous transport, and the tokens of their requests."""
