"""What can be wrong with a store; each message is one line that says what to change."""

from __future__ import annotations


class StoreError(RuntimeError):
    """Base of the errors below."""


class StoreMissing(StoreError):
    """There is no store at that URL."""


class StoreReadOnly(StoreError):
    """The store cannot be written."""


class StoreFull(StoreError):
    """No room is left on the device that holds the store or its artifacts."""


class StoreBusy(StoreError):
    """Another process holds the store's write lock for too long."""


class SchemaMismatch(StoreError):
    """The store was written by another version; the message names the command that migrates."""


class StoreInUse(StoreError):
    """Another engine runs on this store."""


class FencedOff(StoreError):
    """Another engine took over; this one must stop at once."""


class BrokenLog(StoreError):
    """The event log's hash chain does not hold."""
