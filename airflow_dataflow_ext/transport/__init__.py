"""How a request leaves the machine: one send and one driver, synchronous and asynchronous, and the tokens they carry."""
