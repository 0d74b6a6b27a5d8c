"""The documents that customers get: the payment request form as a PDF."""
