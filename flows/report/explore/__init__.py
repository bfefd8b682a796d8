"""The page in which a person draws and the networks of a sweep answer: what goes into it, and how it is written.

The page itself (template, styles, texts, JavaScript modules) is in the folder `page`.
"""
