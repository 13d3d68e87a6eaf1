"""
The outputs of an audit, one module a format.
"""
