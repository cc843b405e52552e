"""Console: the operator's web pages, made on the server; a script keeps what is seen live."""
