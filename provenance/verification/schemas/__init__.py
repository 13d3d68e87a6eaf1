"""
The JSON Schema of reports, as package data.
"""
