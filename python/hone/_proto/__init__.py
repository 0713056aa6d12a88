"""Messages on the wire, written by `python/generate` from `proto/hone/v1`. Not an interface: use `hone.connect`."""
