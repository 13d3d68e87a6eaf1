"""
What the simulator answers, in Azure's words.
"""
