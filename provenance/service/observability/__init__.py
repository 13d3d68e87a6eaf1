"""
What the service says about itself: metrics, log lines and traces.
"""
