"""
Reports and API keys in a database.
"""
