"""Prepay's public face: the typed client and the types that travel.

from prepay.client import PrepayClient
"""
