"""The switches: which of several possible behaviours, where the real service's is not known."""

from typing import Literal

import msgspec


class Switches(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One choice each (expo-simulator.md section 6), the likeliest by default."""

    single_to_array: Literal["array", "object"] = "array"
    too_big_at: Literal["receipt", "ticket"] = "receipt"
    mismatch_shape: Literal["nested", "flat"] = "nested"
    unauthorized_status: Literal[403, 401, 400] = 403
    error_ticket_has_id: bool = False
    omit_details: bool = False
    error_object: Literal["2026", "legacy"] = "2026"
    id_version: Literal[7, 4] = 7
    retry_after: bool = False
    unknown_fields: Literal["ignore", 400] = "ignore"
    invalid_token_text: Literal["split", "legacy"] = "split"
    dup_tokens: Literal["allow"] = "allow"
    open_receipts: bool = False
    """Whether receipts are read without the access token also under push security (S46)."""


DEFAULT = Switches()
