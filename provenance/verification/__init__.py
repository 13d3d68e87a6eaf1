"""
An asset in, a verdict out.
"""
