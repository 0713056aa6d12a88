"""Says which library is missing, before anything fails without it."""

import importlib.util

for _library, _module in (("grpcio", "grpc"), ("protobuf", "google")):
    if importlib.util.find_spec(_module) is None:
        raise ImportError(f"the client needs {_library}, which is not installed; `pip install 'hone[client]'` adds it")
