"""
Which packages ship: those in provenance/, and cli/ as `provenance.cli`. All else stands in pyproject.toml.

A file of its own, because the table `tool.setuptools.packages.find` cannot give a folder another name.
"""

from __future__ import annotations

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["provenance", "provenance.*"]),
        *(f"provenance.{package}" for package in find_packages(include=["cli", "cli.*"])),
    ]
)
