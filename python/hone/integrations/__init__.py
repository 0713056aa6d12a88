"""Small helpers for libraries. Each module needs its library; import the one you use.

All of them stop a training in the library's own way when its trial is to end. What comes after the training still
runs: ask `trial.stopped` there if it should not.
"""
