"""
The built-in policies, as package data.
"""
