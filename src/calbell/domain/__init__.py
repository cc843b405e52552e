"""What a booking push is: pure functions and frozen values.

No I/O, no clock, no randomness that is not passed in, no logging. Values are msgspec structs: as
frozen as a dataclass, a tenth of the cost to make, and stored as JSON without code of ours
(docs/decisions/0002-values-are-structs.md).
"""
