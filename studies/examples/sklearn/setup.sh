# Prepares a worker: makes `bin/python3`, which is found first in every trial, unless the worker's own has all it takes.
set -eu
python3 -c 'import hone, sklearn' 2>/dev/null && exit
python3 -m venv .
bin/pip install --quiet --disable-pip-version-check --requirement requirements.txt wheels/*.whl
