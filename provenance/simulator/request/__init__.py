"""
What a client asks of the simulator, checked as Azure checks it.
"""
