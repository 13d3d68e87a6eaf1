"""
What the command shows and writes.
"""
