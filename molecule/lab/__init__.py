"""The lab: Debian hosts with systemd, in Podman containers, in a network namespace of their own.

`python -m lab --help` from the project root with PYTHONPATH=molecule; or `lab.lab.Lab` in Python.
"""
