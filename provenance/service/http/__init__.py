"""
Connections and requests: what holds for every one of them, and why one has no answer of its own.
"""
