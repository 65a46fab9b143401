"""Workflow files: text with positions, what a document may say, and the document itself."""
