"""The simulator's own page: the phones as lock screens, live, and the requests beside them."""
