"""
Where the files of an audit come from.
"""
